// What the Linux port asks of the OS for clocks, memory and threads. See sys.hpp for I/O.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>

namespace weft::sys {

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t monotonic_now() noexcept;

// 64 bits of getrandom(2), taken from the kernel 32 words at a time. Of a kernel that refuses, of the clock.
std::uint64_t random() noexcept;

// Zeroed memory of whole pages that is never given back; nullptr when there is none.
void* map_memory(std::size_t bytes) noexcept;
// The same, aligned to 2 MiB and in pages of that size as far as the host has them. A multiple of 2 MiB.
void* map_huge(std::size_t bytes) noexcept;
// A pause of the core; gives the core to another thread.
void pause() noexcept;
void yield_thread() noexcept;

// Sleeps while `word` holds `value`: until wake_waiter(), or until monotonic_now() is `deadline`; INT64_MAX: no limit. May
// return early.
void wait_on(atomic<std::uint32_t>& word, std::uint32_t value, std::int64_t deadline) noexcept;
void wake_waiter(atomic<std::uint32_t>& word) noexcept;

// Binds the calling thread to one CPU. 0 or an errno.
int bind_to_cpu(std::size_t cpu) noexcept;
// The CPUs on which the calling thread may run, up to `most`; returns how many.
std::size_t allowed_cpus(std::size_t* cpus, std::size_t most) noexcept;
// The calling thread's CPUs, to be put back later. False: they could not be had.
struct cpu_mask {
    unsigned long words[16];
};
bool get_affinity(cpu_mask& out) noexcept;
void set_affinity(const cpu_mask& mask) noexcept;

// Makes every thread of the process pass a full fence, as membarrier(2) does it: dear, so that others need none. Only if
// the kernel can: the first call of can_fence_threads() finds out.
bool can_fence_threads() noexcept;
void fence_threads() noexcept;

// Names the calling thread; 15 characters count.
void name_thread(const char* name) noexcept;
// Blocks the signals that are sent from outside in the calling thread, so that they reach the program's own threads.
// Used around the start of a thread, which inherits the mask.
struct signal_mask {
    unsigned long words[2];
};
signal_mask block_signals() noexcept;
void restore_signals(const signal_mask& saved) noexcept;

// Writes to stderr, all in one call where the system allows.
void write_stderr(const char* text, std::size_t bytes) noexcept;
[[noreturn]] void abort() noexcept;

} // namespace weft::sys
