// Moments and intervals; time passes only where somebody waits.
#include <weft/core/sleep.hpp>

#include <weft/core/task.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::task;
using weft::clock;

// On a host's own clock waits end late; on a clock turned by hand they end to the nanosecond.
bool at_or_after(clock::time_point moment) { return clock::now() >= moment; }

WEFT_TEST(sleep, never_wakes_early) {
    auto test = []() -> task<bool> {
        auto start = clock::now();
        auto first = co_await weft::sleep_for(1ms);
        bool right = first && at_or_after(start + 1ms);
        auto second = co_await weft::sleep_until(start + 3ms);
        right &= second && at_or_after(start + 3ms);
        auto past = co_await weft::sleep_until(start);
        auto negative = co_await weft::sleep_for(-1s);
        right &= past && negative;
        auto endless = co_await weft::timeout(1ms, weft::sleep_for(clock::duration::max()));
        auto never = co_await weft::timeout(1ms, weft::sleep_until(clock::time_point::max()));
        co_return right&& endless.error() == errc::timed_out&& never.error() == errc::timed_out;
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(sleep, wakes_in_the_order_of_the_deadlines) {
    auto test = []() -> task<bool> {
        int order[5] = {};
        int next = 0;
        auto one = [&](int i, clock::duration d) -> task<> {
            (void)co_await weft::sleep_for(d);
            order[next++] = i;
        };
        co_await weft::when_all(one(4, 9ms), one(1, 3ms), one(0, 1ms), one(3, 7ms), one(2, 5ms));
        bool right = true;
        for (int i = 0; i < 5; ++i) right &= order[i] == i;
        co_return right;
    };
    WEFT_CHECK(weft::testing::run(test()));
}

// Three periods go by unobserved, and a half.
task<bool> after_a_gap(weft::missed_ticks policy, int expected_at_once) {
    auto start = clock::now();
    weft::interval every(start + 10ms, 10ms, policy);
    auto tick = co_await every.tick();
    bool right = tick && every.next() >= start + 20ms;
    (void)co_await weft::sleep_until(start + 45ms);
    auto late = clock::now();
    int at_once = 0;
    while (every.next() <= late) {
        tick = co_await every.tick();
        right &= tick.has_value();
        ++at_once;
        if (policy == weft::missed_ticks::delay) break;
    }
    if (policy == weft::missed_ticks::delay) {
        right &= every.next() >= late + 10ms;
    } else {
        // Still on the schedule.
        right &= (every.next() - start) % 10ms == 0ms;
    }
    // One more wait goes to a moment that lies ahead.
    auto ahead = every.next();
    tick = co_await every.tick();
    right &= tick && at_or_after(ahead);
    // A slow host may have missed more ticks than were meant to be missed.
    co_return right&& at_once >= expected_at_once;
}

WEFT_TEST(interval, policies_for_missed_ticks) {
    auto burst = []() -> task<bool> { co_return co_await after_a_gap(weft::missed_ticks::burst, 3); };
    auto skip = []() -> task<bool> { co_return co_await after_a_gap(weft::missed_ticks::skip, 1); };
    auto delay = []() -> task<bool> { co_return co_await after_a_gap(weft::missed_ticks::delay, 1); };
    WEFT_CHECK(weft::testing::run(burst()));
    WEFT_CHECK(weft::testing::run(skip()));
    WEFT_CHECK(weft::testing::run(delay()));
}

WEFT_TEST(interval, a_cancelled_tick_stays_due) {
    auto test = []() -> task<bool> {
        weft::interval every(10ms);
        auto first = every.next();
        auto none = co_await weft::timeout(1ms, every.tick());
        bool kept = !none && every.next() == first;
        auto tick = co_await every.tick();
        weft::interval quick(0ns); // counts as one nanosecond
        auto soon = co_await quick.tick();
        co_return kept && tick && soon&& every.next() == first + 10ms;
    };
    WEFT_CHECK(weft::testing::run(test()));
}

} // namespace
