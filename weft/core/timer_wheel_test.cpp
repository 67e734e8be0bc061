// The wheel against a reference that is too simple to be wrong.
#include <weft/core/timer_wheel.hpp>

#include <weft/core/testing.hpp>

namespace {

using weft::timer;
using weft::timer_wheel;

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

constexpr int count = 300;

struct probe : timer {
    probe() noexcept : timer(kind_of_this) {}
    bool waits = false;   // in the wheel, by the reference
    bool expired = false; // in this advance()

    static void fired(timer& t) noexcept;
    static void no_cancel(weft::leaf&) noexcept {}
    static constexpr timer_kind kind_of_this{{"probe", &no_cancel}, &fired};
};

struct bench {
    explicit bench(std::int64_t start) noexcept : wheel(start), now(start < 0 ? 0 : start) {}

    timer_wheel wheel;
    std::int64_t now;
    probe probes[count];
    std::int64_t last = INT64_MIN; // deadline of the one fired before, in this advance()
    bool right = true;
    int waiting = 0;

    void insert(probe& p, std::int64_t deadline) noexcept {
        p.deadline = deadline;
        p.waits = true;
        ++waiting;
        wheel.insert(p);
    }
    void remove(probe& p) noexcept {
        wheel.remove(p);
        if (p.waits) --waiting;
        p.waits = false;
    }
    void advance(std::int64_t to) noexcept;
    std::int64_t least() const noexcept {
        std::int64_t l = timer_wheel::never;
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
};

bench* under_test = nullptr;

void probe::fired(timer& t) noexcept {
    auto& p = static_cast<probe&>(t);
    bench& b = *under_test;
    b.right &= p.waits && !p.expired && p.deadline >= b.last;
    b.last = p.deadline;
    p.expired = true;
    p.waits = false;
    --b.waiting;
}

void bench::advance(std::int64_t to) noexcept {
    under_test = this;
    last = INT64_MIN;
    int before = waiting;
    if (to > now) now = to;
    std::size_t fired = wheel.advance(to);
    right &= fired == static_cast<std::size_t>(before - waiting);
    for (probe& p : probes) {
        // All that are due have fired, and nothing else.
        right &= !p.waits || p.deadline > now;
        right &= !p.expired || p.deadline <= now;
        p.expired = false;
    }
    std::int64_t next = wheel.next_deadline();
    right &= next <= least() && (waiting > 16 || next == least());
    right &= wheel.empty() == (waiting == 0);
}

// A round of random inserts, removes and steps of every size.
bool random_round(std::uint64_t seed, std::int64_t start, int steps, std::uint64_t longest) {
    bench b(start);
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
        std::int64_t next = b.wheel.next_deadline();
        b.advance(next > b.now ? next : b.now);
    }
    return b.right && b.wheel.empty();
}

WEFT_TEST(timer_wheel, fires_in_the_order_of_the_deadlines) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        WEFT_CHECK(random_round(seed, 0, 2000, 20));
        WEFT_CHECK(random_round(seed * 7919, static_cast<std::int64_t>(seed) * 1'000'000'007, 2000, 40));
        WEFT_CHECK(random_round(seed * 104729, INT64_MAX - (std::int64_t{1} << (seed + 10)), 1000, 50));
        WEFT_CHECK(random_round(seed * 1299709, -5, 1000, 61));
    }
}

int numbers[20];
int fired_numbers = 0;

struct numbered : timer {
    numbered() noexcept : timer(kind_of_this, 1000) {}
    int number = 0;
    static void fired(timer& t) noexcept { numbers[fired_numbers++] = static_cast<numbered&>(t).number; }
    static void no_cancel(weft::leaf&) noexcept {}
    static constexpr timer_kind kind_of_this{{"numbered", &no_cancel}, &fired};
};

WEFT_TEST(timer_wheel, equal_deadlines_fire_in_the_order_of_insertion) {
    fired_numbers = 0;
    timer_wheel wheel(0);
    numbered timers[20];
    for (int i = 0; i < 20; ++i) {
        timers[i].number = i;
        wheel.insert(timers[i]);
    }
    WEFT_CHECK_EQ(wheel.advance(999), 0u);
    WEFT_CHECK_EQ(wheel.advance(1000), 20u);
    for (int i = 0; i < 20; ++i) WEFT_CHECK_EQ(numbers[i], i);
}

struct changing : timer {
    explicit changing(timer_wheel& w) noexcept : timer(kind_of_this, 50), wheel(w) {}
    timer_wheel& wheel;
    timer* victim = nullptr;
    int fired = 0;
    static void on_time(timer& t) noexcept {
        auto& c = static_cast<changing&>(t);
        ++c.fired;
        if (c.victim) c.wheel.remove(*c.victim);
        if (c.fired == 3) return;
        c.deadline += 10;
        c.wheel.insert(c);
    }
    static void no_cancel(weft::leaf&) noexcept {}
    static constexpr timer_kind kind_of_this{{"changing", &no_cancel}, &on_time};
};

// A timer that fires may take out others that are due at the same moment, and put itself back.
WEFT_TEST(timer_wheel, a_timer_that_fires_may_change_the_wheel) {
    timer_wheel wheel(0);
    changing first(wheel);
    changing second(wheel);
    first.victim = &second;
    wheel.insert(first);
    wheel.insert(second);
    wheel.advance(1000);
    WEFT_CHECK_EQ(first.fired, 3);
    WEFT_CHECK_EQ(second.fired, 0);
    WEFT_CHECK(wheel.empty());
    wheel.remove(second); // in no queue: nothing happens
}

} // namespace
