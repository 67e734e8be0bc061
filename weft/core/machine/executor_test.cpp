// Fairness, priorities and depth.
#include <weft/core/machine/executor.hpp>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

// Runs the jobs of an executor of the test's own until a root on it has ended.
template <class T> T run_on(weft::executor& e, weft::run_queue& level, task<T> t) {
    weft::root<T> r(std::move(t));
    r.start(level);
    while (!r.finished()) e.run(1);
    return r.take();
}

// A branch that never has to wait, since its leaves are ready at once, must let the others run.
WEFT_TEST(executor, a_greedy_branch_starves_nobody) {
    auto test = []() -> task<> {
        weft::local::semaphore s(1);
        bool done = false;
        long greedy_steps = 0;
        auto greedy = [&]() -> task<result<void>> {
            while (!done && greedy_steps < 1'000'000) {
                co_await weft::ok(s.acquire());
                s.release();
                ++greedy_steps;
            }
            co_return {};
        };
        auto modest = [&]() -> task<result<void>> {
            for (int i = 0; i < 100; ++i) co_await weft::yield();
            done = true;
            co_return {};
        };
        auto r = co_await weft::when_all(greedy(), modest());
        // A turn ends after at most full_credit steps.
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_REQUIRE_IN_TASK(done);
        WEFT_CHECK(greedy_steps <= 102 * weft::branch::full_credit);
    };
    weft::testing::run(test());
}

task<int> ready() { co_return 1; }

WEFT_TEST(executor, a_branch_of_endless_ready_children_starves_nobody) {
    auto test = []() -> task<> {
        bool done = false;
        long children = 0;
        auto greedy = [&]() -> task<> {
            while (!done && children < 1'000'000) children += co_await ready();
        };
        auto modest = [&]() -> task<> {
            for (int i = 0; i < 10; ++i) co_await weft::yield();
            done = true;
        };
        co_await weft::when_all(greedy(), modest());
        WEFT_REQUIRE_IN_TASK(done);
        WEFT_CHECK(children < 100'000);
    };
    weft::testing::run(test());
}

WEFT_TEST(executor, equals_take_turns) {
    auto test = []() -> task<> {
        int counts[4] = {};
        auto one = [&](int who) -> task<> {
            for (int i = 0; i < 200; ++i) {
                ++counts[who];
                for (int other : counts) {
                    WEFT_CHECK(other - counts[who] <= 1);
                    WEFT_CHECK(counts[who] - other <= 1);
                }
                co_await weft::yield();
            }
        };
        co_await weft::when_all(one(0), one(1), one(2), one(3));
    };
    weft::testing::run(test());
}

WEFT_TEST(executor, higher_priorities_go_first) {
    weft::run_queue levels[3];
    weft::executor e(levels, 3);
    int order[9] = {};
    int next = 0;
    auto runs = [&](int priority) -> task<> {
        for (int i = 0; i < 3; ++i) {
            order[next++] = priority;
            co_await weft::yield();
        }
    };
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn(runs(2), 2);
        s.spawn(runs(1), 1);
        s.spawn(runs(0), 0);
        co_return;
    };
    auto test = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    weft::testing::begin();
    WEFT_CHECK(run_on(e, e.level(0), test()).has_value());
    e.branches.give_back_spare();
    weft::testing::end();
    for (int i = 0; i < 9; ++i) WEFT_CHECK_EQ(order[i], i / 3);
    WEFT_CHECK_EQ(&e.level(7), &e.level(2));
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// Every level is a scope with the next in it; the stop passes all of them without recursion.
task<result<int>> nested(int depth, int& reached) {
    if (depth == 0) {
        ++reached;
        auto slept = co_await weft::sleep_for(1h);
        co_return slept ? result<int>(0) : weft::failure(slept.error());
    }
    auto body = [&](weft::scope& s) -> task<result<int>> {
        auto inner = s.spawn(nested(depth - 1, reached));
        co_return co_await inner.join();
    };
    co_return co_await weft::with_scope(body);
}

WEFT_TEST(executor, a_stop_passes_deeply_nested_scopes) {
    auto test = []() -> task<> {
        int reached = 0;
        auto body = [&](weft::scope& s) -> task<result<int>> {
            auto deep = s.spawn(nested(10'000, reached));
            while (reached == 0) co_await weft::yield();
            s.request_stop();
            co_return co_await deep.join();
        };
        auto r = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(!r);
        WEFT_CHECK_EQ(r.error(), errc::cancelled);
        WEFT_CHECK_EQ(reached, 1);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(executor, many_wait_for_many) {
    auto test = []() -> task<> {
        long sum = 0;
        auto child = [](int i) -> task<result<int>> {
            co_await weft::ok(weft::sleep_for(std::chrono::microseconds(i % 7)));
            co_return i;
        };
        auto joins = [&](weft::join_handle<result<int>>& handle) -> task<result<void>> {
            sum += co_await weft::ok(handle.join());
            co_return {};
        };
        weft::join_handle<result<int>> handles[300];
        auto body = [&](weft::scope& s) -> task<result<void>> {
            for (int i = 0; i < 300; ++i) handles[i] = s.spawn(child(i));
            auto waiting = [&](weft::scope& inner) -> task<> {
                for (auto& h : handles) inner.spawn(joins(h));
                co_return;
            };
            co_await weft::ok(weft::with_scope(waiting));
            co_return {};
        };
        auto r = co_await weft::with_scope(body);
        WEFT_CHECK(r);
        WEFT_CHECK_EQ(sum, 300 * 299 / 2);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

} // namespace
