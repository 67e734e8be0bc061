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
    auto test = []() -> task<> {
        auto start = clock::now();
        auto first = co_await weft::sleep_for(1ms);
        WEFT_REQUIRE_IN_TASK(first);
        WEFT_CHECK(at_or_after(start + 1ms));
        auto second = co_await weft::sleep_until(start + 3ms);
        WEFT_REQUIRE_IN_TASK(second);
        WEFT_CHECK(at_or_after(start + 3ms));
        auto past = co_await weft::sleep_until(start);
        auto negative = co_await weft::sleep_for(-1s);
        WEFT_REQUIRE_IN_TASK(past);
        WEFT_REQUIRE_IN_TASK(negative);
        auto endless = co_await weft::timeout(1ms, weft::sleep_for(clock::duration::max()));
        auto never = co_await weft::timeout(1ms, weft::sleep_until(clock::time_point::max()));
        WEFT_CHECK_EQ(endless.error(), errc::timed_out);
        WEFT_CHECK_EQ(never.error(), errc::timed_out);
    };
    weft::testing::run(test());
}

WEFT_TEST(sleep, wakes_in_the_order_of_the_deadlines) {
    auto test = []() -> task<> {
        int order[5] = {};
        int next = 0;
        auto one = [&](int i, clock::duration d) -> task<> {
            (void)co_await weft::sleep_for(d);
            order[next++] = i;
        };
        co_await weft::when_all(one(4, 9ms), one(1, 3ms), one(0, 1ms), one(3, 7ms), one(2, 5ms));
        for (int i = 0; i < 5; ++i) {
            WEFT_CHECK_EQ(order[i], i);
        }
    };
    weft::testing::run(test());
}

// Three periods go by unobserved, and a half.
task<> after_a_gap(weft::missed_ticks policy, int expected_at_once) {
    auto start = clock::now();
    weft::interval every(start + 10ms, 10ms, policy);
    auto tick = co_await every.tick();
    WEFT_REQUIRE_IN_TASK(tick);
    WEFT_CHECK(every.next() >= start + 20ms);
    (void)co_await weft::sleep_until(start + 45ms);
    auto late = clock::now();
    int at_once = 0;
    while (every.next() <= late) {
        tick = co_await every.tick();
        WEFT_CHECK(tick);
        ++at_once;
        if (policy == weft::missed_ticks::delay) break;
    }
    if (policy == weft::missed_ticks::delay) {
        WEFT_CHECK(every.next() >= late + 10ms);
    } else {
        // Still on the schedule.
        WEFT_CHECK((every.next() - start) % 10ms == 0ms);
    }
    // One more wait goes to a moment that lies ahead.
    auto ahead = every.next();
    tick = co_await every.tick();
    WEFT_CHECK(tick);
    WEFT_CHECK(at_or_after(ahead));
    // A slow host may have missed more ticks than were meant to be missed.
    WEFT_CHECK(at_once >= expected_at_once);
}

WEFT_TEST(interval, policies_for_missed_ticks) {
    auto burst = []() -> task<> { co_await after_a_gap(weft::missed_ticks::burst, 3); };
    auto skip = []() -> task<> { co_await after_a_gap(weft::missed_ticks::skip, 1); };
    auto delay = []() -> task<> { co_await after_a_gap(weft::missed_ticks::delay, 1); };
    weft::testing::run(burst());
    weft::testing::run(skip());
    weft::testing::run(delay());
}

WEFT_TEST(interval, a_cancelled_tick_stays_due) {
    auto test = []() -> task<> {
        weft::interval every(10ms);
        auto first = every.next();
        auto none = co_await weft::timeout(1ms, every.tick());
        WEFT_REQUIRE_IN_TASK(!none);
        WEFT_CHECK_EQ(every.next(), first);
        auto tick = co_await every.tick();
        weft::interval quick(0ns); // counts as one nanosecond
        auto soon = co_await quick.tick();
        WEFT_REQUIRE_IN_TASK(tick);
        WEFT_REQUIRE_IN_TASK(soon);
        WEFT_CHECK_EQ(every.next(), first + 10ms);
    };
    weft::testing::run(test());
}

} // namespace
