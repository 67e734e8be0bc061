// One line of JSON a workload: CPU and wall nanoseconds an operation, peak memory of the process.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

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

inline std::uint64_t wall_at_begin, cpu_at_begin;
inline void begin() {
    wall_at_begin = wall();
    cpu_at_begin = cpu();
}
inline void end(const char* name, std::size_t operations) {
    auto c = static_cast<double>(cpu() - cpu_at_begin), w = static_cast<double>(wall() - wall_at_begin);
    auto n = static_cast<double>(operations);
    std::printf("{\"name\":\"%s\",\"cpu_ns\":%.3f,\"wall_ns\":%.3f,\"peak_kb\":%ld}\n", name, c / n, w / n,
                status_kb("VmHWM:"));
}

// xorshift64: the same sequence for floor and weft.
constexpr std::uint64_t seed = 88172645463325252ull;
inline std::uint64_t next(std::uint64_t& s) {
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}
inline void pause(long nanoseconds) {
    timespec t{0, nanoseconds};
    nanosleep(&t, nullptr);
}

} // namespace measure
