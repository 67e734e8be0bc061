// Control and status registers of a RISC-V hart, and the memory-mapped ones of QEMU's `virt` machine that this port uses.
#pragma once

#include <cstdint>

#include <weft/core/mmio.hpp>

namespace weft::riscv {

#define WEFT_CSR_READ(name)                                                                                  \
    ({                                                                                                       \
        std::uintptr_t value_;                                                                               \
        asm volatile("csrr %0, " name : "=r"(value_)::"memory");                                             \
        value_;                                                                                              \
    })
#define WEFT_CSR_WRITE(name, value) asm volatile("csrw " name ", %0" ::"rK"(std::uintptr_t{value}) : "memory")
#define WEFT_CSR_SET(name, bits) asm volatile("csrs " name ", %0" ::"rK"(std::uintptr_t{bits}) : "memory")
#define WEFT_CSR_CLEAR(name, bits) asm volatile("csrc " name ", %0" ::"rK"(std::uintptr_t{bits}) : "memory")

// The RISC-V Instruction Set Manual, volume II: mstatus, mie, mip.
inline constexpr std::uintptr_t mstatus_mie = 1 << 3;
inline constexpr std::uintptr_t mstatus_mpie = 1 << 7;
inline constexpr std::uintptr_t mstatus_mpp = 3 << 11; // machine mode
inline constexpr std::uintptr_t software_interrupt = 1 << 3;
inline constexpr std::uintptr_t timer_interrupt = 1 << 7;
inline constexpr std::uintptr_t external_interrupt = 1 << 11;

// Addresses: QEMU 7.2, hw/riscv/virt.c. The clock's frequency: its device tree, `timebase-frequency`.
inline constexpr std::uintptr_t test_device = 0x100000;
inline constexpr std::uintptr_t clint_msip = 0x2000000;
inline constexpr std::uintptr_t clint_mtimecmp = 0x2004000;
inline constexpr std::uintptr_t clint_mtime = 0x200bff8;
inline constexpr std::uintptr_t plic = 0xc000000;
inline constexpr std::uintptr_t uart = 0x10000000;
inline constexpr std::uint32_t nanoseconds_a_tick = 100; // 10 MHz

} // namespace weft::riscv
