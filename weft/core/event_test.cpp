#include <weft/core/event.hpp>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

constinit weft::event global;

template <class E> task<> wakes_all(E& e) {
    int came = 0;
    int woken = 0;
    auto waiting = [&]() -> task<result<void>> {
        ++came;
        co_await weft::ok(e.wait());
        ++woken;
        co_return {};
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 5; ++i) s.spawn(waiting());
        co_await weft::testing::until([&] { return came == 5; });
        if (woken != 0) woken = 100;
        e.set();
        e.set();
    };
    auto done = co_await weft::with_scope(body);
    WEFT_CHECK_EQ(woken, 5);
    WEFT_CHECK(e.is_set());
    auto set = co_await e.wait();
    e.reset();
    auto none = co_await weft::timeout(1ms, e.wait());
    WEFT_REQUIRE_IN_TASK(done.has_value());
    WEFT_REQUIRE_IN_TASK(set);
    WEFT_CHECK_EQ(none.error(), errc::timed_out);
}

WEFT_TEST(event, lets_all_go_until_reset) {
    weft::local::event l;
    weft::testing::run(wakes_all(global));
    weft::testing::run(wakes_all(l));
}

WEFT_TEST(event, lets_go_in_the_order_of_arrival) {
    auto test = []() -> task<> {
        weft::event e;
        int came = 0;
        int order[5] = {};
        int woken = 0;
        auto waiting = [&](int i) -> task<result<void>> {
            ++came;
            co_await weft::ok(e.wait());
            order[woken++] = i;
            co_return {};
        };
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 5; ++i) {
                s.spawn(waiting(i));
                co_await weft::testing::until([&] { return came == i + 1; });
            }
            e.set();
        };
        auto done = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(done);
        for (int i = 0; i < 5; ++i) {
            WEFT_CHECK_EQ(order[i], i);
        }
    };
    weft::testing::run(test());
}

template <class E> task<> wakes_one(E& e) {
    e.set();
    e.set();
    auto first = co_await e.wait();
    WEFT_REQUIRE_IN_TASK(first);
    WEFT_CHECK(!e.is_set());
    int came = 0;
    int woken = 0;
    auto waiting = [&]() -> task<result<void>> {
        ++came;
        co_await weft::ok(e.wait());
        ++woken;
        co_return {};
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 3; ++i) s.spawn(waiting());
        for (int i = 0; i < 3; ++i) {
            co_await weft::testing::until([&] { return came == 3 && woken >= i; });
            for (int j = 0; j < 4; ++j) co_await weft::yield();
            WEFT_CHECK_EQ(woken, i);
            e.set();
        }
    };
    auto done = co_await weft::with_scope(body);
    WEFT_REQUIRE_IN_TASK(done.has_value());
    WEFT_CHECK_EQ(woken, 3);
    WEFT_CHECK(!e.is_set());
}

WEFT_TEST(auto_event, lets_one_go_at_a_time) {
    weft::auto_event e;
    weft::local::auto_event l;
    weft::testing::run(wakes_one(e));
    weft::testing::run(wakes_one(l));
}

WEFT_TEST(auto_event, a_set_goes_to_somebody_in_spite_of_a_stop) {
    auto test = []() -> task<> {
        weft::auto_event e;
        // Set while it waits and stopped before it runs: the set was not for nothing.
        auto setting = [&]() -> task<> {
            e.set();
            co_return;
        };
        auto woken = co_await weft::when_any(e.wait(), setting());
        WEFT_CHECK(woken.get<0>().has_value());
        WEFT_CHECK(!e.is_set());
        // Stopped first, then set: it stays for the next.
        auto none = co_await weft::timeout(1ms, e.wait());
        e.set();
        WEFT_CHECK(e.is_set());
        auto next = co_await e.wait();
        WEFT_REQUIRE_IN_TASK(!none);
        WEFT_REQUIRE_IN_TASK(next);
    };
    weft::testing::run(test());
}

} // namespace
