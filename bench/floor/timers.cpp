// The floors of timers: a wheel of milliseconds, and coroutines that sleep on it.
#include <vector>

#include "coroutine.hpp"
#include "floor.hpp"

namespace floors {
namespace {

// A hierarchical wheel: 6 levels of 64 slots, ticks of one millisecond, doubly linked.
struct wheel_node {
    wheel_node* next;
    wheel_node* previous;
    std::uint64_t at;
    handle h;
};
struct wheel {
    wheel_node slots[6][64];
    std::uint64_t now = 0;
    wheel() {
        for (auto& level : slots)
            for (auto& s : level) s.next = s.previous = &s;
    }
    void add(wheel_node& n) {
        std::uint64_t differing = n.at ^ now;
        int level = differing < 64 ? 0 : (63 - __builtin_clzll(differing)) / 6;
        if (level > 5) level = 5;
        wheel_node& s = slots[level][n.at >> (6 * level) & 63];
        n.next = &s;
        n.previous = s.previous;
        s.previous->next = &n;
        s.previous = &n;
    }
    static void remove(wheel_node& n) {
        n.next->previous = n.previous;
        n.previous->next = n.next;
    }
    void advance(std::uint64_t to) {
        while (now < to) {
            ++now;
            for (int level = 1; level < 6 && !(now & ((1ull << (6 * level)) - 1)); ++level) {
                wheel_node& s = slots[level][now >> (6 * level) & 63];
                while (s.next != &s) {
                    wheel_node& n = *s.next;
                    remove(n);
                    add(n);
                }
            }
            wheel_node& s = slots[0][now & 63];
            while (s.next != &s) {
                wheel_node& n = *s.next;
                remove(n);
                n.h.resume();
            }
        }
    }
};
wheel* timers;
struct sleeping {
    explicit sleeping(std::uint64_t at) : node{nullptr, nullptr, at, {}} {}
    wheel_node node;
    bool await_ready() { return false; }
    void await_suspend(handle h) {
        node.h = h;
        timers->add(node);
    }
    void await_resume() {}
};
job sleeper(std::uint64_t at) {
    sleeping s(at);
    co_await s;
    ++sink;
}

} // namespace

void run_sleepers(const measure::arguments& a) {
    std::size_t n = a[0];
    timers = new wheel;
    std::uint64_t seed = measure::seed;
    measure::begin();
    std::uint64_t start = measure::wall();
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t at = (measure::wall() - start + measure::next(seed) % 1'000'000'000) / 1'000'000 + 1;
        sleeper(at).h.resume();
    }
    while (sink < n) {
        timers->advance((measure::wall() - start) / 1'000'000);
        if (sink < n) measure::pause(1'000'000);
    }
    measure::end("sleepers", n);
}

// One timer of many is taken out and put in again, farther on.
void run_timer(const measure::arguments& a) {
    std::size_t n = a[0], live = a[1];
    std::uint64_t seed = measure::seed, start = measure::wall();
    std::vector<wheel_node> nodes(live);
    timers = new wheel;
    auto arm = [&](wheel_node& node) {
        node.at = (measure::wall() - start + measure::far_ahead(seed)) / 1'000'000;
        timers->add(node);
    };
    for (wheel_node& node : nodes) arm(node);
    measure::begin();
    for (std::size_t i = 0; i < n; ++i) {
        wheel_node& node = nodes[measure::next(seed) % live];
        wheel::remove(node);
        arm(node);
    }
    measure::end("timer", n);
}

void run_idle(const measure::arguments& a) {
    timers = new wheel;
    long before = measure::status_kb("VmRSS:");
    for (std::size_t i = 0; i < a[0]; ++i) sleeper(3'600'000).h.resume();
    measure::end_bytes("idle", before, a[0]);
}

} // namespace floors
