// Children that scopes fork, and that workers which have nothing to do steal.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weft/core/channel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
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

class scope_forks : public weft::testing::on_workers {};

task<std::uint64_t> fib(unsigned n) {
    if (n < 2) co_return n;
    auto body = [n](weft::scope& s) -> task<std::uint64_t> {
        auto a = s.fork(fib(n - 1));
        std::uint64_t b = co_await fib(n - 2);
        co_return *co_await a.join() + b;
    };
    co_return *co_await weft::with_scope(body);
}

TEST_P(scope_forks, a_tree_of_joined_ones_comes_together) {
    weft::runtime r(workers());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(r.run(fib(17)), 1597u);
}

constexpr unsigned queens = 7; // 40 ways to place them

task<> place(unsigned row, unsigned columns, unsigned rising, unsigned falling, unsigned& ways) {
    if (row == queens) {
        ways = 1;
        co_return;
    }
    std::array<unsigned, queens> found{};
    auto body = [&](weft::scope& s) -> task<> {
        for (unsigned c = 0; c < queens; ++c) {
            unsigned one = 1u << c;
            if ((columns | rising >> row | falling << row >> queens) & one) continue;
            s.fork(
                place(row + 1, columns | one, rising | one << row, falling | one << queens >> row, found[c]));
        }
        co_return;
    };
    (void)co_await weft::with_scope(body);
    ways = 0;
    for (unsigned f : found) ways += f;
}

TEST_P(scope_forks, as_many_as_turn_out_to_be_needed) {
    weft::runtime r(workers());
    for (int i = 0; i < 50; ++i) {
        unsigned ways = 0;
        r.run(place(0, 0, 0, 0, ways));
        ASSERT_EQ(ways, 40u);
    }
}

TEST_P(scope_forks, idle_workers_take_them) {
    std::set<std::thread::id> threads;
    std::mutex guard;
    auto work = [&]() -> task<> {
        burn(2ms);
        std::lock_guard held(guard);
        threads.insert(std::this_thread::get_id());
        co_return;
    };
    // In their home's one turn: what others run was stolen.
    auto body = [&]() -> task<> {
        for (int round = 0; round < 20; ++round) {
            auto all = [&](weft::scope& s) -> task<> {
                for (int i = 0; i < 8; ++i) s.fork(work());
                burn(4ms);
                co_return;
            };
            (void)co_await weft::with_scope(all);
        }
    };
    weft::runtime r(workers());
    r.run(body());
    EXPECT_EQ(threads.size() > 1, GetParam() > 1);
}

// One scope for a whole tree: those that were stolen fork on the worker that they are on.
TEST_P(scope_forks, children_fork_siblings_wherever_they_are) {
    std::atomic<int> leaves{0};
    auto walk = [&](auto& self, weft::scope& s, int depth) -> task<> {
        if (depth == 0) {
            burn(1us);
            ++leaves;
            co_return;
        }
        for (int i = 0; i < 4; ++i) s.fork(self(self, s, depth - 1));
        if (depth % 2) co_await weft::yield();
    };
    auto body = [&]() -> task<> {
        auto all = [&](weft::scope& s) -> task<> {
            s.fork(walk(walk, s, 5));
            co_return;
        };
        (void)co_await weft::with_scope(all);
    };
    weft::runtime r(workers());
    for (int round = 1; round <= 10; ++round) {
        r.run(body());
        ASSERT_EQ(leaves, round * 1024);
    }
}

// More than the deque has room for, joined by those who hold the handles, on any worker.
using handles = weft::channel<weft::join_handle<int>, 16>;

TEST_P(scope_forks, outcomes_are_taken_by_whoever_holds_the_handle) {
    constexpr int children = 3000;
    auto value = [](int i) -> task<int> {
        if (i % 5 == 4) burn(1us);
        if (i % 3 == 1) co_await weft::yield();
        co_return i;
    };
    auto joiner = [](handles& from) -> task<long> {
        long sum = 0;
        for (;;) {
            auto handle = co_await from.recv();
            if (!handle) break;
            auto got = co_await handle->join();
            if (got) sum += *got;
        }
        co_return sum;
    };
    auto body = [&](weft::runtime& r) -> task<long> {
        long sum = 0;
        handles passed;
        auto far = [&]() -> task<long> {
            auto got = co_await weft::on(r.worker(r.size() - 1), joiner(passed));
            co_return got.value_or(-1);
        };
        auto all = [&](weft::scope& s) -> task<result<void>> {
            auto joining = [&](weft::scope& inner) -> task<result<void>> {
                auto here = inner.spawn(joiner(passed));
                auto there = inner.spawn(far());
                std::vector<weft::join_handle<int>> burst;
                for (int i = 0; i < children; ++i) {
                    burst.push_back(s.fork(value(i)));
                    if (i % 7 == 0) burst.pop_back(); // dropped
                    if (i % 600 != 599) continue;
                    for (auto& handle : burst) (void)co_await passed.send(std::move(handle));
                    burst.clear();
                }
                passed.close();
                sum = *co_await here.join() + *co_await there.join();
                co_return {};
            };
            co_return co_await weft::with_scope(joining);
        };
        auto done = co_await weft::with_scope(all);
        co_return done ? sum : -1;
    };
    long expected = 0;
    for (int i = 0; i < children; ++i) expected += i % 7 == 0 ? 0 : i;
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body(r)), expected);
}

// The stop finds those that sleep on the worker that has stolen them, and those that nobody has begun.
TEST_P(scope_forks, a_stop_reaches_them_everywhere) {
    auto sleeps = [](int i) -> task<result<void>> {
        burn(std::chrono::microseconds(20 * (i % 3)));
        co_return co_await weft::sleep_for(1h);
    };
    auto body = [&]() -> task<int> {
        int timed_out = 0;
        for (int round = 0; round < 100; ++round) {
            auto all = [&](weft::scope& s) -> task<result<void>> {
                for (int i = 0; i < 12; ++i) s.fork(sleeps(i + round));
                co_return co_await weft::sleep_for(1h);
            };
            auto outcome =
                co_await weft::timeout(std::chrono::microseconds(40 * (round % 10)), weft::with_scope(all));
            timed_out += !outcome && outcome.error() == errc::timed_out;
        }
        co_return timed_out;
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), 100);
}

task<result<int>> tree(int depth, int failing) {
    if (depth == 0) {
        if (failing == 0) co_return weft::failure(errc::busy);
        if (failing % 3 == 1) burn(5us);
        if (failing % 5 == 2) co_await weft::yield();
        co_return 1;
    }
    int half = 1 << (depth - 1);
    auto body = [&](weft::scope& s) -> task<result<int>> {
        auto a = s.fork(tree(depth - 1, failing));
        int b = co_await weft::ok(tree(depth - 1, failing - half));
        co_return b + co_await weft::ok(a.join());
    };
    co_return co_await weft::with_scope(body);
}

TEST_P(scope_forks, a_failure_comes_up_from_wherever_it_was) { expect_failures_to_come_up(&tree); }

TEST_P(scope_forks, exceptions_come_out) {
    auto body = []() -> task<int> {
        auto throws = [](int i) -> task<int> {
            burn(20us);
            if (i == 5) throw std::runtime_error("five");
            co_return i;
        };
        int caught = 0;
        for (int round = 0; round < 100; ++round) {
            auto all = [&](weft::scope& s) -> task<> {
                for (int i = 0; i < 8; ++i) s.fork(throws(i));
                auto joined = s.fork(throws(5));
                if (round % 2) {
                    try {
                        (void)co_await joined.join();
                    } catch (const std::runtime_error&) {
                        ++caught;
                    }
                }
            };
            try {
                (void)co_await weft::with_scope(all);
            } catch (const std::runtime_error&) {
                ++caught;
            }
        }
        co_return caught;
    };
    weft::runtime r(workers());
    int caught = r.run(body());
    EXPECT_GE(caught, 100);
    EXPECT_LE(caught, 150);
}

// Forks and operands of when_all in one deque, begun, stolen and failing in all orders.
TEST_P(scope_forks, operands_stand_above_and_below_them) {
    std::atomic<int> leaves{0};
    auto mixed = [&](auto& self, int depth) -> task<> {
        if (depth == 0) {
            if (++leaves % 16 == 0) burn(3us);
            co_return;
        }
        auto body = [&](weft::scope& s) -> task<> {
            s.fork(self(self, depth - 1));
            (void)co_await weft::when_all(self(self, depth - 1), self(self, depth - 1));
            auto last = s.fork(self(self, depth - 1));
            if (depth % 2) (void)co_await last.join();
        };
        (void)co_await weft::with_scope(body);
    };
    weft::runtime r(workers());
    for (int round = 1; round <= 30; ++round) {
        r.run(mixed(mixed, 5));
        ASSERT_EQ(leaves, round * 1024);
    }
}

TEST_P(scope_forks, thousands_of_small_scopes) {
    auto one = [](std::atomic<int>& n) -> task<> {
        ++n;
        co_return;
    };
    auto body = [&]() -> task<int> {
        std::atomic<int> n{0};
        for (int round = 0; round < 20'000; ++round) {
            auto all = [&](weft::scope& s) -> task<> {
                s.fork(one(n));
                s.fork(one(n));
                if (round % 64 == 0) burn(5us);
                co_return;
            };
            (void)co_await weft::with_scope(all);
        }
        co_return n.load();
    };
    weft::runtime r(workers());
    EXPECT_EQ(r.run(body()), 40'000);
}

// Depth first: as many are alive as the tree is deep, whichever way a child's end is waited for.
struct alive_at_once {
    int now = 0;
    int most = 0;
};
struct counted {
    explicit counted(alive_at_once& c) noexcept : c_(c) { c_.most = std::max(c_.most, ++c_.now); }
    ~counted() { --c_.now; }
    alive_at_once& c_;
};

task<result<void>> joined(int depth, alive_at_once& c) {
    counted self(c);
    if (depth == 0) co_return {};
    auto body = [&](weft::scope& s) -> task<result<void>> {
        auto a = s.fork(joined(depth - 1, c));
        auto b = s.fork(joined(depth - 1, c));
        co_await weft::ok(b.join());
        co_return co_await a.join();
    };
    co_return co_await weft::with_scope(body);
}
task<result<void>> left_to_the_scope(int depth, alive_at_once& c) {
    counted self(c);
    if (depth == 0) co_return {};
    auto body = [&](weft::scope& s) -> task<> {
        s.fork(left_to_the_scope(depth - 1, c));
        s.fork(left_to_the_scope(depth - 1, c));
        co_return;
    };
    co_await weft::ok(weft::with_scope(body));
    co_return {};
}

TEST_P(scope_forks, few_are_alive_at_once) {
    constexpr int depth = 14;
    weft::runtime r(workers(weft::worker_mode::pinned));
    for (auto* walk : {&joined, &left_to_the_scope}) {
        alive_at_once c;
        EXPECT_TRUE(r.run(walk(depth, c)));
        EXPECT_LE(c.most, 4 * depth);
    }
}

TEST_P(scope_forks, others_get_their_turns) {
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
            alive_at_once c;
            (void)co_await left_to_the_scope(14, c);
            (void)co_await fib(18);
            done = true;
        };
        (void)co_await weft::with_scope(all);
        co_return turns;
    };
    weft::runtime r(workers(weft::worker_mode::pinned));
    EXPECT_GT(r.run(body()), 200);
}

INSTANTIATE_TEST_SUITE_P(workers, scope_forks, testing::Values(1, 2, 4));

} // namespace
