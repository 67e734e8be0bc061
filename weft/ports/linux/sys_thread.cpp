#include <weft/ports/linux/sys_thread.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace weft::sys {

std::int64_t monotonic_now() noexcept {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::uint64_t random() noexcept {
    thread_local std::uint64_t words[32];
    thread_local std::size_t left = 0;
    if (left == 0) {
        if (getrandom(words, sizeof words, 0) != static_cast<ssize_t>(sizeof words))
            return static_cast<std::uint64_t>(monotonic_now()) * 0x9e3779b97f4a7c15;
        left = std::size(words);
    }
    return words[--left];
}

void* map_memory(std::size_t bytes) noexcept {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? nullptr : at;
}

void* map_huge(std::size_t bytes) noexcept {
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    auto* at = static_cast<char*>(map_memory(bytes + huge_page));
    if (!at) return nullptr;
    std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(at) % huge_page) % huge_page;
    if (before) munmap(at, before);
    munmap(at + before + bytes, huge_page - before);
    madvise(at + before, bytes, MADV_HUGEPAGE); // a wish: small pages do as well
    return at + before;
}

void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void yield_thread() noexcept { sched_yield(); }

namespace {

static_assert(sizeof(cpu_mask) == sizeof(cpu_set_t));

cpu_set_t as_set(const cpu_mask& mask) noexcept {
    cpu_set_t set;
    std::memcpy(&set, &mask, sizeof set);
    return set;
}

} // namespace

bool can_fence_threads() noexcept {
    static const bool can = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return can;
}
void fence_threads() noexcept { ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

// The atomic is its value and nothing else, so that the kernel finds it at its address.
static_assert(sizeof(atomic<std::uint32_t>) == sizeof(std::uint32_t));

void wait_on(atomic<std::uint32_t>& word, std::uint32_t value, std::int64_t deadline) noexcept {
    timespec t{static_cast<time_t>(deadline / 1'000'000'000), static_cast<long>(deadline % 1'000'000'000)};
    // The kind of wait whose deadline is a moment, by the clock of monotonic_now().
    ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline == INT64_MAX ? nullptr : &t,
              nullptr, FUTEX_BITSET_MATCH_ANY);
}
void wake_waiter(atomic<std::uint32_t>& word) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

int bind_to_cpu(std::size_t cpu) noexcept {
    if (cpu >= CPU_SETSIZE) return EINVAL;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

std::size_t allowed_cpus(std::size_t* cpus, std::size_t most) noexcept {
    cpu_set_t set;
    if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0) return 0;
    std::size_t found = 0;
    for (std::size_t i = 0; i < CPU_SETSIZE && found < most; ++i)
        if (CPU_ISSET(i, &set)) cpus[found++] = i;
    return found;
}

bool get_affinity(cpu_mask& out) noexcept {
    cpu_set_t set;
    if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0) return false;
    std::memcpy(&out, &set, sizeof set);
    return true;
}

void set_affinity(const cpu_mask& mask) noexcept {
    cpu_set_t set = as_set(mask);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void name_thread(const char* name) noexcept {
    char shortened[16] = {};
    std::strncpy(shortened, name, sizeof shortened - 1);
    pthread_setname_np(pthread_self(), shortened);
}

signal_mask block_signals() noexcept {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    signal_mask saved;
    static_assert(sizeof saved <= sizeof before);
    std::memcpy(&saved, &before, sizeof saved);
    return saved;
}

void restore_signals(const signal_mask& saved) noexcept {
    sigset_t before;
    sigemptyset(&before);
    std::memcpy(&before, &saved, sizeof saved);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void write_stderr(const char* text, std::size_t bytes) noexcept {
    while (bytes) {
        ssize_t n = write(STDERR_FILENO, text, bytes);
        if (n <= 0) return;
        text += n;
        bytes -= static_cast<std::size_t>(n);
    }
}

void abort() noexcept { std::abort(); }

} // namespace weft::sys
