set(WEFT_CHIP rv32)
set(WEFT_CHIP_COMPILER clang)
include(${CMAKE_CURRENT_LIST_DIR}/chip.cmake)
