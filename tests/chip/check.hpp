// A plain reporter for firmware that tests itself, and an interrupt that it can raise.
#pragma once

#include <weft/core/mmio.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>

namespace chip_test {

inline int passed = 0;
inline int failed = 0;

inline void check(bool right, const char* what) noexcept {
    ++(right ? passed : failed);
    weft::chip::print_all(right ? "  ok    " : "  FAIL  ", what, "\n");
}

[[noreturn]] inline void finish() noexcept {
    weft::chip::print_all(passed, " passed, ", failed, " failed\n");
    weft::machine::halt(failed == 0 ? 0 : 1);
}

// An interrupt of no device, for attach_interrupt(), and a store that makes it pending.
#if defined(__riscv)
inline constexpr unsigned test_interrupt = 0; // the hart's software interrupt
[[gnu::always_inline]] inline void raise_test_interrupt() noexcept {
    weft::register_at(0x2000000) = 1; // CLINT, msip
    asm volatile("" ::: "memory");
}
// There is one only.
inline constexpr unsigned second_test_interrupt = test_interrupt;
[[gnu::always_inline]] inline void raise_second_test_interrupt() noexcept { raise_test_interrupt(); }
#else
inline constexpr unsigned test_interrupt = 20; // a line that the board uses for a pin
[[gnu::always_inline]] inline void raise_test_interrupt() noexcept {
    weft::register_at(0xe000e200) = 1u << test_interrupt; // NVIC, set pending
    asm volatile("dsb\n\tisb" ::: "memory");
}
inline constexpr unsigned second_test_interrupt = 21;
[[gnu::always_inline]] inline void raise_second_test_interrupt() noexcept {
    weft::register_at(0xe000e200) = 1u << second_test_interrupt;
    asm volatile("dsb\n\tisb" ::: "memory");
}
#endif

} // namespace chip_test
