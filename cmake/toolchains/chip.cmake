# What the toolchain files of the chips share. A file sets WEFT_CHIP (rv32, rv64, m3, m4) and WEFT_CHIP_COMPILER (gcc,
# clang) and includes this one. Everything is Debian's: cross compilers of GCC 12, or Clang 22 with their libgcc.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR ${WEFT_CHIP})
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # a program needs a linker script, which is ours to choose

if(WEFT_CHIP STREQUAL "rv32")
    set(weft_gcc riscv64-unknown-elf-)
    # (A _zicsr suffix to -march would break GCC's choice of libgcc. With 32 bits, medlow reaches everything, and what it makes
    # the linkers turn into access by gp.)
    set(weft_gcc_machine "-march=rv32imac -misa-spec=2.2 -mabi=ilp32 -mcmodel=medlow -msmall-data-limit=64")
    set(weft_clang_machine "--target=riscv32-unknown-elf -march=rv32imac -mabi=ilp32 -mcmodel=medlow")
elseif(WEFT_CHIP STREQUAL "rv64")
    set(weft_gcc riscv64-unknown-elf-)
    set(weft_gcc_machine "-march=rv64imac -misa-spec=2.2 -mabi=lp64 -mcmodel=medany -msmall-data-limit=64")
    set(weft_clang_machine "--target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany")
elseif(WEFT_CHIP STREQUAL "m3")
    set(weft_gcc arm-none-eabi-)
    set(weft_gcc_machine "-mthumb -mcpu=cortex-m3")
    set(weft_clang_machine "--target=thumbv7m-none-eabi -mcpu=cortex-m3 -mfloat-abi=soft -mno-movt")
elseif(WEFT_CHIP STREQUAL "m4")
    set(weft_gcc arm-none-eabi-)
    set(weft_gcc_machine "-mthumb -mcpu=cortex-m4")
    set(weft_clang_machine "--target=thumbv7em-none-eabi -mcpu=cortex-m4 -mfloat-abi=soft -mno-movt")
else()
    message(FATAL_ERROR "WEFT_CHIP is rv32, rv64, m3 or m4, not '${WEFT_CHIP}'")
endif()

# Debian's RISC-V compiler has no C++ headers, and Clang knows no bare-metal ones: the Arm package's newlib headers
# serve header-only, with picolibc's C headers below them.
set(weft_headers "-nostdinc++ -isystem /usr/include/newlib/c++/12.2.1 -isystem /usr/include/newlib/c++/12.2.1/arm-none-eabi")
if(weft_gcc STREQUAL "arm-none-eabi-")
    string(APPEND weft_headers " -isystem /usr/include/newlib")
else()
    string(APPEND weft_headers " -isystem /usr/lib/picolibc/riscv64-unknown-elf/include")
endif()

if(WEFT_CHIP_COMPILER STREQUAL "gcc")
    set(CMAKE_C_COMPILER ${weft_gcc}gcc)
    set(CMAKE_CXX_COMPILER ${weft_gcc}g++)
    set(CMAKE_ASM_COMPILER ${weft_gcc}gcc)
    set(CMAKE_AR ${weft_gcc}gcc-ar) # these know the objects of -flto
    set(CMAKE_RANLIB ${weft_gcc}gcc-ranlib)
    set(weft_machine "${weft_gcc_machine}")
    if(weft_gcc STREQUAL "arm-none-eabi-")
        set(weft_headers "")
    endif()
    # One memory for code and data is what the machine has.
    set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -nostartfiles -static -Wl,--build-id=none -Wl,--no-warn-rwx-segments")
elseif(WEFT_CHIP_COMPILER STREQUAL "clang")
    set(CMAKE_C_COMPILER clang-22)
    set(CMAKE_CXX_COMPILER clang++-22)
    set(CMAKE_ASM_COMPILER clang-22)
    set(CMAKE_AR llvm-ar-22)
    set(CMAKE_RANLIB llvm-ranlib-22)
    set(weft_machine "${weft_clang_machine}")
    set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -nostdlib -static -Wl,--build-id=none")
    if(WEFT_CHIP MATCHES "^rv")
        string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -Wl,--relax-gp")
    endif()
else()
    message(FATAL_ERROR "WEFT_CHIP_COMPILER is gcc or clang, not '${WEFT_CHIP_COMPILER}'")
endif()

# Unwind tables ask for a personality routine on Arm; nothing unwinds here.
string(CONCAT weft_flags "${weft_machine} -ffreestanding -fno-unwind-tables -fno-asynchronous-unwind-tables"
    " -fno-stack-protector -fno-pic -ffunction-sections -fdata-sections")
set(CMAKE_C_FLAGS_INIT "${weft_flags}")
set(CMAKE_ASM_FLAGS_INIT "${weft_machine}")
set(CMAKE_CXX_FLAGS_INIT "${weft_flags} -fno-exceptions -fno-rtti -fno-threadsafe-statics ${weft_headers}")

# libgcc of this machine: 64-bit division and the like. Asked of GCC for Clang, too.
separate_arguments(weft_gcc_arguments UNIX_COMMAND "${weft_gcc_machine}")
execute_process(COMMAND ${weft_gcc}gcc ${weft_gcc_arguments} -print-libgcc-file-name
    OUTPUT_VARIABLE WEFT_LIBGCC OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE weft_asked)
if(NOT weft_asked EQUAL 0)
    message(FATAL_ERROR "${weft_gcc}gcc is missing; scripts/install-dependencies.sh test installs it")
endif()
