// What a machine without an operating system gives to weft/ports/chip, which makes a port of it: start-up code, a linker
// script, and these functions. `ports/riscv_virt` and `ports/cortex_m` each are one; a new board begins here.
//
// The start-up code clears and copies memory, sets the stack and its guard, and calls weft_start() with interrupts masked.
// A machine also defines port::lock() and port::unlock() of core/port.hpp.
#pragma once

#include <cstdint>

#include <weft/core/atomic.hpp>

namespace weft::machine {

// How many harts run tasks (WEFT_HARTS in CMake), and which of them the caller is on: 0 is the one that starts. All but what
// says otherwise is about the caller's hart.
#if defined(WEFT_HARTS)
inline constexpr unsigned harts = WEFT_HARTS;
#else
inline constexpr unsigned harts = 1;
#endif
#if defined(WEFT_ONE_HART)
constexpr unsigned hart() noexcept { return 0; }
#else
unsigned hart() noexcept;
// Lets the other harts begin: each calls weft_start_hart(), masked, on a stack of its own. By hart 0.
void start_others() noexcept;
// Ends the sleep of the hart with this number. Any context.
void ring(unsigned hart) noexcept;
#endif

// Clock, alarm and interrupts to a known state. Once, with interrupts masked.
void prepare() noexcept;

// Nanoseconds since the start. Any context.
std::int64_t now() noexcept;

inline constexpr std::int64_t no_alarm = INT64_MAX;

// Calls chip::on_alarm() in an interrupt when now() has come to `deadline`, at once if it lies behind, and never for
// `no_alarm`; replaces the alarm before. May come early for deadlines that are further than the hardware counts.
void set_alarm(std::int64_t deadline) noexcept;
// The same as set_alarm(no_alarm), in the alarm's interrupt.
void silence_alarm() noexcept;

// All interrupts, without saving a state: for the loop, which knows it.
void mask() noexcept;
void unmask() noexcept;

// Sleeps until there is an interrupt and lets it run, or does itself what the interrupt would. Called masked; may return so.
void sleep() noexcept;

// The interrupt of executor level `level` (1 is the lowest), for raise(); not 0.
std::uint32_t interrupt_of(unsigned level) noexcept;

// Makes such an interrupt pending: its handler calls chip::run_level(level) or
// chip::run_above(), at once if no higher or equal level runs, masked, to return masked. Called masked or under port::lock().
void raise(std::uint32_t interrupt) noexcept;
// How many such levels there are.
extern const unsigned levels;

// One character to the console, polling. Any context.
void write(char c) noexcept;

// What went wrong, by the number that the machine has given to weft_fault().
const char* fault_name(std::uintptr_t cause) noexcept;

// Ends an emulator with this exit status; on real hardware, stops.
[[noreturn]] void halt(int status) noexcept;

} // namespace weft::machine
