// The port contract: what a world must give so that weft runs in it. This page is the porting guide.
//
// A port is bound at link time: it defines the functions below, once, and nothing else in the core depends
// on the world. `ports/hand` is the smallest complete example (no OS, a clock turned by hand); a page of code.
//
// How to write one, in order:
//   1. Give memory: allocate_frame / allocate_branch. Returning nullptr is allowed, and reaches the user as
//      errc::out_of_memory.
//   2. Give each thread of execution (a thread, a hart, an interrupt level) one weft::executor, and make
//      current() return it in that context.
//   3. Write the loop:
//          for (;;) {
//              bool more = executor.run(batch);            // at most `batch` jobs, so events are not starved
//              take finished I/O and due timers;           // each of them posts a branch
//              if (more) continue;
//              if (executor.prepare_idle()) {              // false: a wake has just come in
//                  sleep until ring() or the next timer;   // a ring() between prepare and sleep must not be lost
//                  executor.finish_idle();
//              }
//          }
//   4. ring() ends that sleep, from any thread or interrupt.
//   5. Keep timers in a queue that suits the world: core/machine/timer_wheel.hpp on hosts, core/machine/timer_heap.hpp on chips.
// Tests: ports/host/worker_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

class executor;
class timer;

namespace port {

// Nanoseconds of a monotonic clock since a moment that never changes while the program runs. Any context.
std::int64_t now() noexcept;

// Memory for a coroutine frame of `bytes`, aligned to frame_block; nullptr when there is none. Called in tasks and in
// whatever context a task is created. The free_ functions get the same size, perhaps on another thread. The small ones
// are given whole blocks and are on the path of every call: the size is a constant there and tells which function it is.
inline constexpr std::size_t frame_block = 2 * sizeof(void*);
inline constexpr std::size_t small_frame = 2048; // bytes
[[gnu::assume_aligned(frame_block)]] void*
allocate_frame(std::size_t bytes) noexcept; // a multiple of frame_block, at most small_frame
void free_frame(void* frame, std::size_t bytes) noexcept;
[[gnu::assume_aligned(frame_block)]] void* allocate_large_frame(std::size_t bytes) noexcept;
void free_large_frame(void* frame, std::size_t bytes) noexcept;

// A slot for one weft::branch (64 bytes on 64-bit hosts). Slots are type-stable: the memory of a freed slot
// remains a branch's memory for the life of the program, its bytes are left alone, and a slot that is handed
// out for the first time is zero. nullptr when the stated limit is reached.
void* allocate_branch() noexcept;
void free_branch(void* slot) noexcept;

// The executor of the calling context; nullptr outside of any.
executor* current() noexcept;

// Ends the sleep of the executor's loop. Any thread, any interrupt. Called only if the loop has prepared to sleep; not in a
// build for one hart (core/atomic.hpp).
void ring(executor& sleeper) noexcept;
// In place of it there: raises the interrupt that an executor lives in, by what the port has put into its run_queue::bit.
// Under lock().
void raise(std::uint32_t interrupt) noexcept;

// Adds and removes a timer in the queue of `home`; called in the home's own context. When the deadline has
// come, the port removes the timer and calls timer.expire() in the home's context.
void insert_timer(executor& home, timer& t) noexcept;
void remove_timer(executor& home, timer& t) noexcept;

// A short pause in a spin loop; `spins` counts up from 0, so that a host can give the core away.
void relax(unsigned spins) noexcept;

// Masks the interrupts that could wake tasks and returns the former state; hosts return 0 and do nothing.
std::uintptr_t lock() noexcept;
void unlock(std::uintptr_t saved) noexcept;

// 64 bits that look random. In a world with a seed they follow from it, and a chip has no better source than its clock: they
// are for spreading and for retries, not for secrets. Any context.
std::uint64_t random() noexcept;

// One of [0, n), for n of 1 and more: every choice that scheduling leaves open asks here, if the seeded machine is linked, and
// the plain one never does (core/machine/choice.hpp). So only a world with a seed has to have it.
std::size_t choose(std::size_t n) noexcept;

// Ends the world with a message: a broken invariant or an allocation failure that no value can carry.
[[noreturn]] void panic(const char* why) noexcept;

} // namespace port
} // namespace weft
