// What every timer queue must do, shown against a reference that is too simple to be wrong. For tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <weft/core/machine/timer.hpp>

namespace weft::testing::timers {

// A small generator of our own: the same numbers everywhere.
struct random {
    std::uint64_t state;
    std::uint64_t next() noexcept {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }
    std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
};

inline constexpr int count = 300;
inline constexpr std::int64_t never = INT64_MAX;

// What the reference counts of one round.
struct record {
    std::int64_t last = INT64_MIN; // deadline of the one fired before, in this advance()
    bool right = true;
    int waiting = 0;
};
inline record* under_test = nullptr;

// A timer for tests, told of its expiry through `on_expiry`.
struct told : timer {
    explicit told(void (*f)(told&) noexcept, std::int64_t when = 0) noexcept
        : timer(kind_of_this, when), on_expiry(f) {}
    void (*on_expiry)(told&) noexcept;

  private:
    static void fired(timer& t) noexcept {
        auto& self = static_cast<told&>(t);
        self.on_expiry(self);
    }
    static void no_cancel(leaf&) noexcept {}
    static constexpr timer_kind kind_of_this{{"told", &no_cancel}, &fired};
};

struct probe : told {
    probe() noexcept : told(&fired) {}
    bool waits = false;   // in the queue, by the reference
    bool expired = false; // in this advance()

    static void fired(told& t) noexcept {
        auto& p = static_cast<probe&>(t);
        record& r = *under_test;
        r.right &= p.waits && !p.expired && p.deadline >= r.last;
        r.last = p.deadline;
        p.expired = true;
        p.waits = false;
        --r.waiting;
    }
};

// Some queues are told the time when they are made, others need not know it.
template <class Queue> struct made {
    explicit made(std::int64_t) noexcept {}
    Queue queue;
};
template <class Queue>
    requires std::is_constructible_v<Queue, std::int64_t>
struct made<Queue> {
    explicit made(std::int64_t start) noexcept : queue(start) {}
    Queue queue;
};

// `exact_up_to`: among so many timers next_deadline() is exact; among more, it is never late.
template <class Queue> struct bench : made<Queue>, record {
    bench(std::int64_t start, int exact) noexcept
        : made<Queue>(start), now(start < 0 ? 0 : start), exact_up_to(exact) {}

    std::int64_t now;
    int exact_up_to;
    probe probes[count];

    void insert(probe& p, std::int64_t deadline) noexcept {
        p.deadline = deadline;
        p.waits = true;
        ++waiting;
        this->queue.insert(p);
    }
    void remove(probe& p) noexcept {
        this->queue.remove(p);
        if (p.waits) --waiting;
        p.waits = false;
    }
    std::int64_t least() const noexcept {
        std::int64_t l = never;
        for (const probe& p : probes)
            if (p.waits && p.deadline < l) l = p.deadline;
        return l;
    }
    // A wait of any size: next to now, far away, at the end of time, in the past, before time began.
    std::int64_t any_deadline(random& r) const noexcept {
        switch (r.below(12)) {
        case 0: return now - static_cast<std::int64_t>(r.below(1000));
        case 1: return -static_cast<std::int64_t>(r.below(UINT64_C(1) << 62));
        case 2: return INT64_MAX - static_cast<std::int64_t>(r.below(3));
        case 3: return INT64_MIN;
        case 4: return now;
        default: {
            auto wait = static_cast<std::int64_t>(r.next() >> (2 + r.below(62)));
            return wait > INT64_MAX - now ? INT64_MAX : now + wait;
        }
        }
    }
    void advance(std::int64_t to) noexcept {
        under_test = this;
        last = INT64_MIN;
        int before = waiting;
        if (to > now) now = to;
        std::size_t fired = this->queue.advance(to);
        right &= fired == static_cast<std::size_t>(before - waiting);
        for (probe& p : probes) {
            // All that are due have fired, and nothing else.
            right &= !p.waits || p.deadline > now;
            right &= !p.expired || p.deadline <= now;
            p.expired = false;
        }
        std::int64_t next = this->queue.next_deadline();
        right &= next <= least() && (waiting > exact_up_to || next == least());
        right &= this->queue.empty() == (waiting == 0);
    }
};

// A round of random inserts, removes and steps of every size.
template <class Queue>
bool random_round(std::uint64_t seed, std::int64_t start, int steps, std::uint64_t longest, int exact) {
    bench<Queue> b(start, exact);
    random r{seed};
    for (int i = 0; i < steps && b.right; ++i) {
        probe& p = b.probes[r.below(count)];
        switch (r.below(5)) {
        case 0: b.remove(p); break;
        case 1: {
            auto step = static_cast<std::int64_t>(r.next() >> (64 - 1 - r.below(longest)));
            b.advance(step > INT64_MAX - b.now ? INT64_MAX : b.now + step);
            break;
        }
        default:
            if (p.waits) b.remove(p);
            b.insert(p, b.any_deadline(r));
        }
    }
    while (b.right && b.waiting > 0) {
        std::int64_t next = b.queue.next_deadline();
        b.advance(next > b.now ? next : b.now);
    }
    return b.right && b.queue.empty();
}

// Forty rounds each of small, large and the largest steps, near the beginning of time and its end. Small machines may
// take fewer.
template <class Queue> bool random_rounds(std::uint64_t rounds, int exact) {
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        if (!random_round<Queue>(seed, 0, 2000, 20, exact) ||
            !random_round<Queue>(seed * 7919, static_cast<std::int64_t>(seed) * 1'000'000'007, 2000, 40,
                                 exact) ||
            !random_round<Queue>(seed * 104729, INT64_MAX - (std::int64_t{1} << (seed + 10)), 1000, 50,
                                 exact) ||
            !random_round<Queue>(seed * 1299709, -5, 1000, 61, exact))
            return false;
    }
    return true;
}

struct numbered : told {
    numbered() noexcept : told(&fired, 1000) {}
    int number = 0;

    static inline int order[20];
    static inline int fired_so_far;
    static void fired(told& t) noexcept { order[fired_so_far++] = static_cast<numbered&>(t).number; }
};

// Twenty timers with one deadline, of which some are taken out again: the rest fire in the order of their insertion.
template <class Queue> bool equal_deadlines_in_order() {
    made<Queue> m(0);
    numbered timers[20];
    numbered::fired_so_far = 0;
    for (int i = 0; i < 20; ++i) {
        timers[i].number = i;
        m.queue.insert(timers[i]);
    }
    for (int i = 3; i < 20; i += 5) m.queue.remove(timers[i]);
    bool right = m.queue.advance(999) == 0 && m.queue.advance(1000) == 16;
    int next = 0;
    for (int i = 0; i < 20; ++i)
        if (i % 5 != 3) right &= numbered::order[next++] == i;
    return right && m.queue.empty();
}

template <class Queue> struct changing : told {
    explicit changing(Queue& q) noexcept : told(&on_time, 50), queue(q) {}
    Queue& queue;
    timer* victim = nullptr;
    int fired = 0;
    static void on_time(told& t) noexcept {
        auto& c = static_cast<changing&>(t);
        ++c.fired;
        if (c.victim) c.queue.remove(*c.victim);
        if (c.fired == 3) return;
        c.deadline += 10;
        c.queue.insert(c);
    }
};

// A timer that fires may take out others that are due at the same moment, and put itself back: of two that take each other
// out, one fires.
template <class Queue> bool a_timer_that_fires_may_change_the_queue() {
    made<Queue> m(0);
    changing<Queue> first(m.queue);
    changing<Queue> second(m.queue);
    first.victim = &second;
    second.victim = &first;
    m.queue.insert(first);
    m.queue.insert(second);
    m.queue.advance(1000);
    bool right = first.fired + second.fired == 3 && first.fired * second.fired == 0 && m.queue.empty();
    m.queue.remove(first); // in no queue: nothing happens
    m.queue.remove(second);
    return right && m.queue.empty();
}

} // namespace weft::testing::timers
