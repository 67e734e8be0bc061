// The floors of two threads, each on a CPU of its own: a word that both see, and a futex or spinning to wait for it.
#include <atomic>
#include <thread>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../histogram.hpp"
#include "floor.hpp"

namespace floors {
namespace {

std::atomic<std::uint32_t> word{0};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

struct parking {
    static void wait_while(std::uint32_t v) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, v, nullptr, nullptr, 0);
    }
    static void wake() { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }
};
struct spinning {
    static void wait_while(std::uint32_t) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    static void wake() {}
};

template <class Waiting> void wait_for(std::uint32_t wanted) {
    std::uint32_t v;
    while ((v = word.load(std::memory_order_acquire)) < wanted) Waiting::wait_while(v);
}
template <class Waiting> void set(std::uint32_t v) {
    word.store(v, std::memory_order_release);
    Waiting::wake();
}

// A round trip: the word goes up by one there, and by one here. `one_way` counts both. The other side waits when it
// begins: two threads that are awake together may stay so, and none would ever sleep.
template <class Waiting> void round_trips(const char* name, std::size_t n, bool one_way = false) {
    auto last = static_cast<std::uint32_t>(2 * n);
    int here = measure::required_cpu(0), there = measure::required_cpu(1);
    measure::pin_this_thread(here);
    std::thread other([=] {
        measure::pin_this_thread(there);
        for (std::uint32_t v = 1; v < last; v += 2) {
            wait_for<Waiting>(v);
            set<Waiting>(v + 1);
        }
    });
    measure::pause(2'000'000);
    measure::begin();
    for (std::uint32_t v = 1; v < last; v += 2) {
        set<Waiting>(v);
        wait_for<Waiting>(v + 1);
    }
    other.join();
    measure::end(name, one_way ? 2 * n : n);
}

} // namespace

void run_futex(const measure::arguments& a) { round_trips<parking>("futex", a[0], a[1]); }
void run_spin(const measure::arguments& a) { round_trips<spinning>("spin", a[0]); }

// From the moment before the wake to the moment when the other thread, which sleeps, goes on.
void run_wake(const measure::arguments& a) {
    auto last = static_cast<std::uint32_t>(a[0]);
    int here = measure::required_cpu(0), there = measure::required_cpu(1);
    measure::pin_this_thread(here);
    static std::atomic<std::uint64_t> set_at;
    static std::atomic<std::uint32_t> seen;
    static measure::histogram latencies;
    measure::begin();
    std::thread other([=] {
        measure::pin_this_thread(there);
        for (std::uint32_t v = 1; v <= last; ++v) {
            wait_for<parking>(v);
            latencies.add(measure::wall() - set_at.load(std::memory_order_relaxed));
            seen.store(v, std::memory_order_relaxed);
        }
    });
    for (std::uint32_t v = 1; v <= last; ++v) {
        do measure::pause(100'000);
        while (seen.load(std::memory_order_relaxed) != v - 1);
        set_at.store(measure::wall(), std::memory_order_relaxed);
        set<parking>(v);
    }
    other.join();
    measure::end("wake", a[0], latencies.members());
}

} // namespace floors
