#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

task<result<int>> after(weft::clock::duration d, int value) {
    auto slept = co_await weft::sleep_for(d);
    if (!slept) co_return weft::failure(slept.error());
    co_return value;
}
task<result<int>> fail_after(weft::clock::duration d, errc e) {
    (void)co_await weft::sleep_for(d);
    co_return weft::failure(e);
}

WEFT_TEST(scope, ends_when_all_children_have) {
    auto test = []() -> task<int> {
        int ended = 0;
        auto child = [&](int i) -> task<> {
            (void)co_await weft::sleep_for(std::chrono::microseconds(i));
            ++ended;
        };
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 100; ++i) s.spawn(child(i));
            co_return;
        };
        auto r = co_await weft::with_scope(body);
        co_return r ? ended : -1;
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 100);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

task<> late(weft::scope& s) {
    co_await weft::yield(); // the body has ended
    s.request_stop();
    s.spawn(after(1h, 1));
}

// The memory of the body's header is a later child's, which is no body: nobody else destroys its frame.
WEFT_TEST(scope, a_child_that_comes_after_the_bodys_end_is_destroyed) {
    auto test = []() -> task<> {
        auto body = [&](weft::scope& s) -> task<> {
            s.spawn(late(s));
            co_return;
        };
        WEFT_CHECK((co_await weft::with_scope(body)).has_value());
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(scope, a_childs_failure_stops_the_siblings) {
    auto test = []() -> task<errc> {
        auto body = [&](weft::scope& s) -> task<> {
            s.spawn(after(1h, 1));
            s.spawn(fail_after(1ms, errc::busy));
            (void)co_await weft::sleep_for(2h);
        };
        auto r = co_await weft::with_scope(body);
        co_return r ? errc::none : r.error().code();
    };
    WEFT_CHECK(weft::testing::run(test()) == errc::busy);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(scope, join_yields_the_childs_value) {
    auto test = []() -> task<int> {
        auto body = [&](weft::scope& s) -> task<int> {
            auto a = s.spawn(after(2ms, 4));
            auto b = s.spawn(after(1ms, 5));
            auto x = co_await a.join();
            auto y = co_await b.join();
            auto again = co_await b.join();
            if (again || again.error() != errc::invalid_argument) co_return -2;
            co_return x.value_or(0) * 10 + y.value_or(0);
        };
        auto r = co_await weft::with_scope(body);
        co_return r.value_or(-1);
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 45);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(scope, request_stop_is_no_failure) {
    auto test = []() -> task<int> {
        auto body = [&](weft::scope& s) -> task<int> {
            s.spawn(after(1h, 1));
            co_await weft::yield();
            s.request_stop();
            co_return 3;
        };
        auto r = co_await weft::with_scope(body);
        co_return r.value_or(-1);
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 3);
}

WEFT_TEST(when_all, yields_the_values) {
    auto test = []() -> task<int> {
        auto r = co_await weft::when_all(after(2ms, 1), weft::sleep_for(1ms), after(1ms, 2));
        if (!r) co_return -1;
        auto [a, nothing, b] = *r;
        co_return a * 10 + b;
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 12);
}

WEFT_TEST(when_all, the_first_failure_stops_the_others) {
    auto test = []() -> task<errc> {
        auto r = co_await weft::when_all(after(1h, 1), fail_after(1ms, errc::busy), weft::sleep_for(2h));
        co_return r ? errc::none : r.error().code();
    };
    WEFT_CHECK(weft::testing::run(test()) == errc::busy);
}

WEFT_TEST(when_any, the_first_stops_the_others) {
    auto test = []() -> task<> {
        auto r = co_await weft::when_any(after(1h, 1), after(1ms, 2), weft::sleep_for(1h));
        WEFT_CHECK_EQ(r.first, 1);
        WEFT_CHECK_EQ(*r.get<1>(), 2);
        WEFT_CHECK_EQ(r.get<0>().error(), errc::cancelled);
        WEFT_CHECK(!r.get<2>());
    };
    weft::testing::run(test());
}

WEFT_TEST(timeout, says_timed_out) {
    auto test = []() -> task<> {
        auto late = co_await weft::timeout(1ms, after(1h, 1));
        auto early = co_await weft::timeout(1h, after(1ms, 2));
        auto leaf = co_await weft::timeout(1ms, weft::sleep_for(1h));
        WEFT_CHECK_EQ(late.error(), errc::timed_out);
        WEFT_CHECK_EQ(*early, 2);
        WEFT_CHECK_EQ(leaf.error(), errc::timed_out);
    };
    weft::testing::run(test());
}

WEFT_TEST(timeout, a_stop_from_outside_is_cancelled) {
    auto test = []() -> task<> {
        auto r = co_await weft::timeout(1ms, weft::timeout(1h, weft::sleep_for(2h)));
        WEFT_CHECK_EQ(r.error(), errc::timed_out);
    };
    weft::testing::run(test());
}

WEFT_TEST(until, a_token_stops_it) {
    auto test = []() -> task<> {
        weft::stop_source source;
        auto stopper = [&]() -> task<> {
            (void)co_await weft::sleep_for(1ms);
            source.request_stop();
        };
        auto r = co_await weft::when_all(stopper(), [&]() -> task<bool> {
            auto a = co_await weft::until(source.token(), weft::sleep_for(1h));
            auto b = co_await weft::until(source.token(), after(1h, 1));
            co_return !a && !b;
        }());
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_CHECK(std::get<1>(*r));
    };
    weft::testing::run(test());
}

WEFT_TEST(shielded, ignores_the_stop) {
    auto test = []() -> task<> {
        auto inner = []() -> task<result<int>> {
            auto first = co_await weft::sleep_for(1h);
            if (first) co_return 0;
            auto second = co_await weft::sleep_for(1ns);
            if (second) co_return 1;
            co_return co_await weft::shielded(after(1ms, 9));
        };
        auto r = co_await weft::timeout(1ms, inner());
        WEFT_CHECK_EQ(r.value_or(-1), 9);
    };
    weft::testing::run(test());
}

WEFT_TEST(waker, remembers_one_wake) {
    auto test = []() -> task<> {
        weft::waker w;
        w.wake();
        w.wake();
        auto first = co_await w.wait();
        auto second = co_await weft::timeout(1ms, w.wait());
        auto waking = [&]() -> task<> {
            co_await weft::yield();
            w.wake();
        };
        auto both = co_await weft::when_all(w.wait(), waking());
        WEFT_REQUIRE_IN_TASK(first);
        WEFT_REQUIRE_IN_TASK(!second);
        WEFT_REQUIRE_IN_TASK(both);
    };
    weft::testing::run(test());
}

} // namespace
