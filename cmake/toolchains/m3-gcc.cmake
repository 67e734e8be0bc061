set(WEFT_CHIP m3)
set(WEFT_CHIP_COMPILER gcc)
include(${CMAKE_CURRENT_LIST_DIR}/chip.cmake)
