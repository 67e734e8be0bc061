// Operands of when_all that wait to be begun, and are stolen by workers that have nothing to do.
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weft/core/event.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>
#include <weft/runtime/testing.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;
using weft::testing::burn;

class operand_stealing : public weft::testing::on_workers {};

task<std::uint64_t> fib(unsigned n) {
    if (n < 2) co_return n;
    auto both = co_await weft::when_all(fib(n - 1), fib(n - 2));
    auto [a, b] = both.value();
    co_return a + b;
}

TEST_P(operand_stealing, a_tree_of_them_comes_together) {
    weft::runtime r(workers());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(r.run(fib(18)), 2584u);
}

TEST_P(operand_stealing, idle_workers_take_operands) {
    auto work = []() -> task<std::thread::id> {
        burn(3ms);
        co_return std::this_thread::get_id();
    };
    auto body = [&]() -> task<std::size_t> {
        std::set<std::thread::id> threads;
        for (int round = 0; round < 20; ++round) {
            std::vector<task<std::thread::id>> operands;
            for (int i = 0; i < 8; ++i) operands.push_back(work());
            auto ran_on = co_await weft::when_all(std::move(operands));
            for (std::thread::id t : ran_on.value()) threads.insert(t);
        }
        co_return threads.size();
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()) > 1, GetParam() > 1);
}

// All run at the same time: none waits for another's end to be begun.
TEST_P(operand_stealing, operands_may_wait_for_each_other) {
    auto body = []() -> task<int> {
        int done = 0;
        for (int i = 0; i < 200; ++i) {
            weft::event first, second;
            auto a = [&]() -> task<result<void>> {
                co_await weft::ok(first.wait());
                second.set();
                co_return {};
            };
            auto b = [&]() -> task<result<void>> {
                first.set();
                co_await weft::ok(second.wait());
                co_return {};
            };
            auto both = co_await weft::when_all(a(), b());
            done += both.has_value();
        }
        co_return done;
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), 200);
}

task<result<int>> tree(int depth, int failing) {
    if (depth == 0) {
        if (failing == 0) co_return weft::failure(errc::busy);
        if (failing % 3 == 1) burn(5us);
        if (failing % 5 == 2) co_await weft::yield();
        co_return 1;
    }
    int half = 1 << (depth - 1);
    auto both = co_await weft::when_all(tree(depth - 1, failing), tree(depth - 1, failing - half));
    if (!both) co_return weft::failure(both.error());
    auto [a, b] = *both;
    co_return a + b;
}

TEST_P(operand_stealing, a_failure_comes_up_from_wherever_it_was) { expect_failures_to_come_up(&tree); }

TEST_P(operand_stealing, exceptions_come_out) {
    auto body = []() -> task<int> {
        auto throws = [](int i) -> task<int> {
            burn(20us);
            if (i == 5) throw std::runtime_error("five");
            co_return i;
        };
        int caught = 0;
        for (int round = 0; round < 50; ++round) {
            try {
                auto all = co_await weft::when_all(throws(1), throws(5), throws(3), throws(4));
                (void)all;
            } catch (const std::runtime_error&) {
                ++caught;
            }
        }
        co_return caught;
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), 50);
}

// The stop finds operands that sleep on the worker that has stolen them, and those that nobody has begun.
TEST_P(operand_stealing, a_stop_reaches_operands_everywhere) {
    auto sleeps = [](int i) -> task<result<void>> {
        burn(std::chrono::microseconds(50 * (i % 3)));
        co_return co_await weft::sleep_for(1h);
    };
    auto body = [&]() -> task<int> {
        int timed_out = 0;
        for (int round = 0; round < 40; ++round) {
            std::vector<task<result<void>>> operands;
            for (int i = 0; i < 12; ++i) operands.push_back(sleeps(i + round));
            auto all = weft::when_all(std::move(operands));
            auto outcome = co_await weft::timeout(std::chrono::microseconds(100 * (round % 10)), all);
            timed_out += !outcome && outcome.error() == errc::timed_out;
        }
        co_return timed_out;
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), 40);
}

// More than the deque has room for.
TEST_P(operand_stealing, a_thousand_operands) {
    auto body = []() -> task<std::uint64_t> {
        std::vector<task<std::uint64_t>> operands;
        for (unsigned i = 0; i < 1000; ++i) operands.push_back(fib(i % 6));
        auto values = co_await weft::when_all(std::move(operands));
        std::uint64_t sum = 0;
        for (std::uint64_t v : values.value()) sum += v;
        co_return sum;
    };
    std::uint64_t expected = 0;
    constexpr std::uint64_t first[] = {0, 1, 1, 2, 3, 5};
    for (unsigned i = 0; i < 1000; ++i) expected += first[i % 6];
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), expected);
}

// Chains of combinators do not pile up on the machine's stack, and a polite task gets its turns beside them.
task<int> chain(int depth) {
    if (depth == 0) co_return 0;
    auto one = co_await weft::when_all(chain(depth - 1));
    co_return std::get<0>(one.value()) + 1;
}

TEST_P(operand_stealing, deep_chains_need_no_stack) {
    weft::runtime r(workers());
    EXPECT_EQ(r.run(chain(100'000)), 100'000);
}

// They share a branch: nobody else's turn is in between.
TEST_P(operand_stealing, operands_that_need_not_wait_follow_each_other) {
    constexpr std::size_t operands = 20;
    auto body = []() -> task<std::size_t> {
        std::size_t ended = 0, seen = 0;
        std::set<weft::job*> branches;
        auto counts = [&]() -> task<> {
            branches.insert(weft::port::current()->running());
            ++ended;
            co_return;
        };
        auto looks = [&]() -> task<> {
            seen = ended;
            co_return;
        };
        auto all = [&](weft::scope& s) -> task<> {
            s.spawn(looks());
            std::vector<task<>> many;
            for (std::size_t i = 0; i < operands; ++i) many.push_back(counts());
            (void)co_await weft::when_all(std::move(many));
        };
        (void)co_await weft::with_scope(all);
        co_return branches.size() == 1 ? seen : 0;
    };
    weft::runtime_options pinned = workers();
    pinned.mode = weft::worker_mode::pinned;
    weft::runtime r(pinned);
    EXPECT_EQ(r.run(body()), operands);
}

TEST_P(operand_stealing, others_get_their_turns) {
    auto body = []() -> task<long> {
        bool done = false;
        long turns = 0;
        auto polite = [&]() -> task<> {
            while (!done) {
                ++turns;
                co_await weft::yield();
            }
        };
        auto all = [&](weft::scope& s) -> task<> {
            s.spawn(polite());
            (void)co_await fib(20);
            done = true;
        };
        (void)co_await weft::with_scope(all);
        co_return turns;
    };
    weft::runtime r(workers(weft::worker_mode::pinned));
    EXPECT_GT(r.run(body()), 100);
}

INSTANTIATE_TEST_SUITE_P(workers, operand_stealing, testing::Values(1, 2, 4));

} // namespace
