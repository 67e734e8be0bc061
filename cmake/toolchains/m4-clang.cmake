set(WEFT_CHIP m4)
set(WEFT_CHIP_COMPILER clang)
include(${CMAKE_CURRENT_LIST_DIR}/chip.cmake)
