#include <weft/core/waker.hpp>

#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::task;

WEFT_TEST(waker, a_wake_before_the_wait_is_remembered_once) {
    auto test = []() -> task<> {
        weft::waker w;
        w.wake();
        w.wake();
        auto first = co_await w.wait();
        WEFT_CHECK(first);
        auto second = co_await weft::timeout(1ms, w.wait());
        WEFT_REQUIRE_IN_TASK(!second);
        WEFT_CHECK_EQ(second.error(), errc::timed_out);
    };
    weft::testing::run(test());
}

WEFT_TEST(waker, wakes_who_waits) {
    auto test = []() -> task<> {
        weft::waker w;
        bool woken = false;
        auto waiting = [&]() -> task<weft::result<void>> {
            auto r = co_await w.wait();
            woken = true;
            co_return r;
        };
        auto waking = [&]() -> task<> {
            co_await weft::yield();
            WEFT_CHECK(!woken);
            w.wake();
            WEFT_CHECK(!woken); // in a turn of its own
        };
        auto both = co_await weft::when_all(waiting(), waking());
        WEFT_CHECK(both);
        WEFT_CHECK(woken);
    };
    weft::testing::run(test());
}

WEFT_TEST(waker, a_stop_ends_the_wait_and_the_next_wake_is_remembered) {
    auto test = []() -> task<> {
        weft::waker w;
        auto stopped = co_await weft::timeout(1ms, w.wait());
        WEFT_REQUIRE_IN_TASK(!stopped);
        WEFT_CHECK_EQ(stopped.error(), errc::timed_out);
        w.wake();
        auto next = co_await w.wait();
        WEFT_CHECK(next);
    };
    weft::testing::run(test());
}

WEFT_TEST(waker, reset_forgets_a_wake) {
    auto test = []() -> task<> {
        weft::waker w;
        w.wake();
        w.reset();
        auto none = co_await weft::timeout(1ms, w.wait());
        WEFT_CHECK(!none);
    };
    weft::testing::run(test());
}

} // namespace
