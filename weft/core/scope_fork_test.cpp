// scope::fork(): what holds on every port, whether forks wait in a deque there or stand in the ready queue.
#include <weft/core/event.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

task<int> fib(int n) {
    if (n < 2) co_return n;
    auto body = [n](weft::scope& s) -> task<int> {
        auto a = s.fork(fib(n - 1));
        int b = co_await fib(n - 2);
        co_return *co_await a.join() + b;
    };
    co_return *co_await weft::with_scope(body);
}

WEFT_TEST(scope_fork, a_tree_of_joined_forks_comes_together) {
    WEFT_CHECK_EQ(weft::testing::run(fib(8)), 21);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// Without a join: the scope's end waits for them.
task<> count_leaves(int depth, int& leaves) {
    if (depth == 0) {
        ++leaves;
        co_return;
    }
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 3; ++i) s.fork(count_leaves(depth - 1, leaves));
        co_return;
    };
    (void)co_await weft::with_scope(body);
}

WEFT_TEST(scope_fork, a_scope_ends_when_its_forks_have) {
    int leaves = 0;
    weft::testing::run(count_leaves(4, leaves));
    WEFT_CHECK_EQ(leaves, 81);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(scope_fork, its_outcome_waits_for_its_handle) {
    auto value = [](int v) -> task<result<int>> { co_return v; };
    auto slow = [](int v) -> task<result<int>> {
        co_await weft::ok(weft::sleep_for(1ms));
        co_return v;
    };
    auto test = [&]() -> task<int> {
        auto body = [&](weft::scope& s) -> task<int> {
            auto at_once = s.fork(value(1));
            auto later = s.fork(slow(2));
            auto kept = s.fork(value(3)); // ends, and is never joined
            co_await weft::yield();
            { auto dropped = s.fork(slow(4)); }
            auto b = co_await later.join();
            auto a = co_await at_once.join();
            auto again = co_await at_once.join();
            if (again || again.error() != errc::invalid_argument) co_return -2;
            co_return a.value_or(0) * 10 + b.value_or(0);
        };
        auto r = co_await weft::with_scope(body);
        co_return r.value_or(-1);
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 12);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// Those that nobody has begun are children, too: they begin, find that they are stopped, and end.
WEFT_TEST(scope_fork, a_failure_stops_the_others_begun_or_not) {
    int began = 0, cancelled = 0;
    auto sleeps = [&]() -> task<result<void>> {
        ++began;
        auto slept = co_await weft::sleep_for(1h);
        cancelled += !slept && slept.error() == errc::cancelled;
        co_return slept;
    };
    auto fails = []() -> task<result<void>> { co_return weft::failure(errc::busy); };
    auto test = [&]() -> task<errc> {
        auto body = [&](weft::scope& s) -> task<result<void>> {
            for (int i = 0; i < 5; ++i) s.fork(sleeps());
            s.fork(fails());
            for (int i = 0; i < 5; ++i) s.fork(sleeps());
            co_return co_await weft::sleep_for(2h);
        };
        auto r = co_await weft::with_scope(body);
        co_return r ? errc::none : r.error().code();
    };
    WEFT_CHECK(weft::testing::run(test()) == errc::busy);
    WEFT_CHECK_EQ(began, 10);
    WEFT_CHECK_EQ(cancelled, 10);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(scope_fork, a_stop_before_they_begin_reaches_them) {
    int cancelled = 0;
    auto sleeps = [&]() -> task<result<void>> {
        auto slept = co_await weft::sleep_for(1h);
        cancelled += !slept && slept.error() == errc::cancelled;
        co_return slept;
    };
    auto test = [&]() -> task<> {
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 4; ++i) s.fork(sleeps());
            s.request_stop();
            for (int i = 0; i < 4; ++i) s.fork(sleeps());
            co_return;
        };
        WEFT_CHECK((co_await weft::with_scope(body)).has_value());
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(cancelled, 8);
}

// Operands of when_all stand above and below forks, of this scope and of others.
WEFT_TEST(scope_fork, forks_and_operands_stand_beside_each_other) {
    int ended = 0;
    auto one = [&]() -> task<> {
        ++ended;
        co_return;
    };
    auto waits = [&]() -> task<> {
        co_await weft::yield();
        ++ended;
    };
    auto test = [&]() -> task<> {
        auto body = [&](weft::scope& s) -> task<bool> {
            auto forks = [&]() -> task<> {
                s.fork(one());
                s.fork(waits());
                co_return;
            };
            auto nests = [&]() -> task<> {
                auto inner = [&](weft::scope& in) -> task<> {
                    in.fork(one());
                    s.fork(one());
                    (void)co_await weft::when_all(waits(), one(), one());
                };
                (void)co_await weft::with_scope(inner);
            };
            s.fork(waits());
            auto handle = s.fork(nests());
            auto all = co_await weft::when_all(forks(), one(), nests(), waits(), forks());
            auto joined = co_await handle.join();
            co_return all.has_value() && joined.has_value();
        };
        auto r = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_CHECK(*r);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(ended, 1 + 2 * 5 + 2 * 2 + 2);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// Each waits for the next: none needs another's end to be begun.
WEFT_TEST(scope_fork, forks_may_wait_for_each_other) {
    constexpr int links = 6;
    weft::event told[links];
    int ended = 0;
    auto link = [&](int i) -> task<> {
        if (i + 1 < links) (void)co_await told[i + 1].wait();
        told[i].set();
        ++ended;
    };
    auto test = [&]() -> task<> {
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < links; ++i) s.fork(link(i));
            (void)co_await told[0].wait();
        };
        WEFT_CHECK((co_await weft::with_scope(body)).has_value());
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(ended, links);
}

} // namespace
