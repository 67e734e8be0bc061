# Firmware: programs for the chips of cmake/toolchains/. A program is an ELF file that QEMU boots (scripts/emulate.sh) and
# that a debugger loads into flash.
#
#     cmake --preset rv32-gcc && cmake --build build/rv32-gcc

enable_language(C ASM)

if(WEFT_CHIP MATCHES "^rv")
    set(weft_machine_room weft/ports/riscv_virt)
    set(weft_entry _start)
else()
    set(weft_machine_room weft/ports/cortex_m)
    set(weft_entry weft_reset)
endif()

# With one hart, interrupts are all that wakes its tasks from elsewhere: see core/atomic.hpp.
set(WEFT_HARTS 1 CACHE STRING "How many harts run tasks: 1, or 2 on RISC-V")
if(WEFT_HARTS EQUAL 1)
    target_compile_definitions(weft_core PUBLIC WEFT_ONE_HART)
elseif(WEFT_HARTS EQUAL 2 AND WEFT_CHIP MATCHES "^rv")
    target_compile_definitions(weft_core PUBLIC WEFT_HARTS=2)
else()
    message(FATAL_ERROR "WEFT_HARTS is 1, or 2 on RISC-V, not '${WEFT_HARTS}'")
endif()

# Await sites name files as they are in the tree.
target_compile_options(weft_core PUBLIC -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

# weft_chip_library(<target> <room>...): as weft_library, with sources in C and assembler.
function(weft_chip_library target)
    weft_library(${target} ${ARGN})
    foreach(pattern IN ITEMS *.c *.S)
        weft_glob(sources ${pattern} ${ARGN})
        target_sources(${target} PRIVATE ${sources})
    endforeach()
    target_link_libraries(${target} PUBLIC weft_core)
endfunction()

weft_chip_library(weft_machine weft/ports/chip ${weft_machine_room})
weft_chip_library(weft_arenas weft/ports/chip/arenas)
weft_chip_library(weft_pooled weft/ports/chip/pooled)
# What compilers call by name is linked last: calls may appear in every step before.
weft_chip_library(weft_compiler_runtime weft/ports/chip/compiler)
target_compile_options(weft_compiler_runtime PRIVATE -fno-lto -fno-builtin
    $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)

find_package(Python3 REQUIRED COMPONENTS Interpreter)

# weft_firmware(<target> SOURCES … [LIBRARIES …] [RAM size] [STACK size] [POOLED] [NO_ROOTS])
#
# RAM and STACK are sizes as linker scripts write them (64K). POOLED: tasks other than roots get their memory from all the
# RAM that is left over, in place of the arenas of their roots.
#
# Linked twice: first as a part, of which tools/frames.py reads how large the frames of the root tasks are, and then for
# good, with the storage that it has written, as a whole program: what has one caller is inlined, and what has none is gone.
# NO_ROOTS: it has no root tasks (chip::spawn()), and is linked once.
function(weft_firmware target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "POOLED;NO_ROOTS" "RAM;STACK" "SOURCES;LIBRARIES")
    set(ram ${arg_RAM})
    set(stack ${arg_STACK})
    if(NOT stack)
        set(stack 4K)
    endif()
    if(NOT ram)
        set(ram 64K)
    endif()
    set(word LONG)
    set(word_size 4)
    if(WEFT_CHIP STREQUAL "rv64")
        set(word QUAD)
        set(word_size 8)
    endif()
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}.ld)
    set(roots ${CMAKE_CURRENT_BINARY_DIR}/${target}_roots.ld)
    set(storage ${CMAKE_CURRENT_BINARY_DIR}/${target}_roots.S)
    configure_file(${PROJECT_SOURCE_DIR}/${weft_machine_room}/link.ld.in ${script} @ONLY)
    set(memory weft_arenas)
    if(arg_POOLED)
        set(memory weft_pooled)
    endif()

    # The core calls its port and the port calls the core.
    set(libraries ${arg_LIBRARIES} "-Wl,--start-group" ${memory} weft_machine weft_core "-Wl,--end-group")
    # In one piece, so that both links name every function alike.
    set(whole $<$<CXX_COMPILER_ID:GNU>:-flto-partition=one>)

    set(frames Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/frames.py)
    if(arg_NO_ROOTS)
        set(compiled ${target})
        file(WRITE ${roots} "")
        add_executable(${target} ${arg_SOURCES})
    else()
        set(compiled ${target}_part)
        add_executable(${target}_part ${arg_SOURCES})
        set_target_properties(${target}_part PROPERTIES SUFFIX .o)
        target_link_libraries(${target}_part PRIVATE ${libraries})
        target_link_options(${target}_part PRIVATE -r -Wl,-u,${weft_entry} ${whole}
            $<$<CXX_COMPILER_ID:GNU>:-flinker-output=nolto-rel>)
        add_custom_command(OUTPUT ${storage} ${roots}
            COMMAND ${frames} layout $<TARGET_FILE:${target}_part>
                --assembler ${storage} --script ${roots} --word ${word_size}
            DEPENDS ${target}_part ${PROJECT_SOURCE_DIR}/tools/frames.py VERBATIM
            COMMENT "Laying out the root tasks of ${target}")
        add_executable(${target} $<TARGET_OBJECTS:${target}_part> ${storage})
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${frames} check $<TARGET_FILE:${target}> --assembler ${storage} VERBATIM)
    endif()
    set_target_properties(${compiled} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_features(${compiled} PRIVATE cxx_std_23)
    target_link_libraries(${compiled} PRIVATE weft_warnings)
    set_target_properties(${target} PROPERTIES SUFFIX .elf LINKER_LANGUAGE CXX LINK_DEPENDS "${script};${roots}")
    target_link_options(${target} PRIVATE ${whole} -T ${script} -Wl,--gc-sections)
    target_link_libraries(${target} PRIVATE ${libraries}
        "-Wl,--start-group" weft_compiler_runtime ${WEFT_LIBGCC} "-Wl,--end-group")
endfunction()

# The core's tests, as they are, with a plain reporter. They ask for much: 200,000 frames on one another, for one.
option(WEFT_BUILD_CORE_TESTS "Build the core's tests for the chip" ${WEFT_BUILD_TESTS})
if(WEFT_BUILD_CORE_TESTS)
    weft_test_sources(core_tests ${weft_core_rooms} drivers)
    weft_glob(support testing*.cpp weft/core weft/ports/chip/pooled)
    if(WEFT_CHIP MATCHES "^rv")
        set(test_ram 128M)
    else()
        set(test_ram 4M)
    endif()
    weft_firmware(weft_core_test SOURCES ${core_tests} ${support} POOLED NO_ROOTS RAM ${test_ram} STACK 256K)
    target_compile_definitions(weft_core_test PRIVATE WEFT_TEST_ON_CHIP)
endif()
