set(WEFT_CHIP rv64)
set(WEFT_CHIP_COMPILER gcc)
include(${CMAKE_CURRENT_LIST_DIR}/chip.cmake)
