# TCP/IP for firmware: lwIP from Debian's source package, fetched when a firmware asks for it, and weft's rooms on it.

set(weft_lwip ${PROJECT_SOURCE_DIR}/build/lwip)
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/fetch-lwip.sh ${weft_lwip} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB weft_lwip_sources ${weft_lwip}/src/core/*.c ${weft_lwip}/src/core/ipv4/*.c)
add_library(weft_lwip_stack STATIC ${weft_lwip_sources} ${weft_lwip}/src/netif/ethernet.c)
target_include_directories(weft_lwip_stack SYSTEM PUBLIC ${PROJECT_SOURCE_DIR}/weft/lwip ${weft_lwip}/src/include)
# Debian's C headers for RISC-V, for its declarations alone: nothing of a C library is linked.
target_include_directories(weft_lwip_stack SYSTEM PRIVATE /usr/lib/picolibc/riscv64-unknown-elf/include)

weft_library(weft_lwip weft/lwip)
# Addresses are the same everywhere.
target_sources(weft_lwip PRIVATE ${PROJECT_SOURCE_DIR}/weft/io/endpoint.cpp)
target_link_libraries(weft_lwip PUBLIC weft_core weft_lwip_stack)
