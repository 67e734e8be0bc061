// One line of JSON a workload: CPU and wall nanoseconds an operation, how often a thread went to sleep for one, and the peak
// memory of the process.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include <sched.h>
#include <sys/resource.h>

namespace measure {

inline std::uint64_t read(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}
inline std::uint64_t wall() { return read(CLOCK_MONOTONIC); }
inline std::uint64_t cpu() { return read(CLOCK_PROCESS_CPUTIME_ID); }

// A value of /proc/self/status, in kB.
inline long status_kb(const char* key) {
    std::FILE* f = std::fopen("/proc/self/status", "r");
    char line[256];
    long value = -1;
    while (f && std::fgets(line, sizeof line, f))
        if (!std::strncmp(line, key, std::strlen(key))) value = std::atol(line + std::strlen(key) + 1);
    if (f) std::fclose(f);
    return value;
}

// The i-th CPU that this process may use; -1 if there are not so many.
inline int allowed_cpu(int i) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set) && i-- == 0) return cpu;
    return -1;
}
// Two CPUs for two threads; without them there is nothing to measure.
inline int required_cpu(int i) {
    int cpu = allowed_cpu(i);
    if (cpu >= 0) return cpu;
    std::fprintf(stderr, "this workload needs %d CPUs\n", i + 1);
    std::exit(1);
}
inline void pin_this_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

// How often a thread of the process has gone to sleep.
inline long sleeps() {
    rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_nvcsw;
}

inline std::uint64_t wall_at_begin, cpu_at_begin;
inline long sleeps_at_begin;
inline void begin() {
    sleeps_at_begin = sleeps();
    wall_at_begin = wall();
    cpu_at_begin = cpu();
}
// `more`: further members, with a comma before each.
inline void end(const char* name, std::size_t operations, const std::string& more = "") {
    auto c = static_cast<double>(cpu() - cpu_at_begin), w = static_cast<double>(wall() - wall_at_begin);
    auto n = static_cast<double>(operations);
    auto s = static_cast<double>(sleeps() - sleeps_at_begin);
    std::printf("{\"name\":\"%s\",\"cpu_ns\":%.3f,\"wall_ns\":%.3f,\"sleeps\":%.3f,\"peak_kb\":%ld%s}\n",
                name, c / n, w / n, s / n, status_kb("VmHWM:"), more.c_str());
}
// What a thing costs while it is idle: the growth of the process's resident memory.
inline void end_bytes(const char* name, long kb_before, std::size_t things) {
    double bytes = static_cast<double>(status_kb("VmRSS:") - kb_before) * 1024 / static_cast<double>(things);
    std::printf("{\"name\":\"%s\",\"bytes\":%.1f}\n", name, bytes);
}

// xorshift64: the same sequence for floor and weft.
constexpr std::uint64_t seed = 88172645463325252ull;
inline std::uint64_t next(std::uint64_t& s) {
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}
// A deadline 10 to 70 seconds ahead: for timers that are never to ring.
inline std::uint64_t far_ahead(std::uint64_t& s) { return 10'000'000'000 + next(s) % 60'000'000'000; }
constexpr std::size_t fib_of(std::size_t n) {
    std::size_t a = 0, b = 1;
    for (; n; --n) a = std::exchange(b, a + b);
    return a;
}
constexpr std::size_t calls_of_fib(std::size_t n) { return 2 * fib_of(n + 1) - 1; }
// 0 + 1 + … + (n - 1).
constexpr std::size_t sum_below(std::size_t n) { return n * (n - 1) / 2; }
constexpr std::size_t calls_of_skynet(std::size_t leaves) {
    std::size_t calls = 0;
    for (; leaves; leaves /= 10) calls += leaves;
    return calls;
}

// N queens, at most 12, row by row: where the next one may stand, as bits.
struct queens {
    static constexpr std::size_t most = 12;
    explicit constexpr queens(std::size_t n) noexcept : all((1u << n) - 1) {}
    constexpr bool placed() const noexcept { return columns == all; }
    constexpr std::uint32_t free() const noexcept { return all & ~(columns | rising | falling); }
    constexpr queens with(std::uint32_t column) const noexcept {
        queens next = *this;
        next.columns |= column;
        next.rising = (rising | column) << 1;
        next.falling = (falling | column) >> 1;
        return next;
    }
    // f(i, the board with one more queen) for each way, counted from 0.
    template <class F> constexpr void each_way(F f) const {
        std::size_t i = 0;
        for (std::uint32_t left = free(); left; left &= left - 1) f(i++, with(left & -left));
    }
    std::uint32_t all, columns = 0, rising = 0, falling = 0;
};
// Not counted out here, since the program's instructions are counted: how many ways there are (OEIS A000170), and how many
// boards are looked at on the way.
constexpr std::size_t ways_of_queens(std::size_t n) {
    constexpr std::size_t ways[] = {1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200};
    return ways[n];
}
constexpr std::size_t calls_of_queens(std::size_t n) {
    constexpr std::size_t calls[] = {1, 2, 3, 6, 17, 54, 153, 552, 2057, 8394, 35539, 166926, 856189};
    return calls[n];
}

inline void pause(long nanoseconds) {
    timespec t{0, nanoseconds};
    nanosleep(&t, nullptr);
}

} // namespace measure
