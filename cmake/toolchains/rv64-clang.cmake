set(WEFT_CHIP rv64)
set(WEFT_CHIP_COMPILER clang)
include(${CMAKE_CURRENT_LIST_DIR}/chip.cmake)
