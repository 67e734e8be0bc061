// What executors that share work promise, under seeds: every order in which three of them take turns, steal, offer and stop.
#include <gtest/gtest.h>

#include <weft/core/machine/root.hpp>
#include <weft/core/machine/stop_message.hpp>
#include <weft/core/on.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/hand/hand.hpp>

namespace {

using namespace std::chrono_literals;
using weft::result;
using weft::task;
using weft::hand::crew;

constexpr std::uint64_t seeds = 1000;

// Runs what `make(crew)` makes on three executors, under each seed; nothing may be left behind.
template <class F> void under_seeds(F make) {
    weft::hand::world& w = weft::hand::the_world();
    for (std::uint64_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        weft::hand::seed(seed);
        std::size_t live = w.live_frames + w.live_branches;
        {
            crew c(3);
            weft::root<void> r(make(c));
            r.start(c[0].level());
            while (!r.finished()) ASSERT_TRUE(c.turn()) << "the crew waits for something that never comes";
            r.take();
        }
        EXPECT_EQ(w.live_frames + w.live_branches, live);
    }
}

task<int> count_leaves(int depth) {
    if (depth == 0) co_return 1;
    if (depth % 3 == 0) co_await weft::yield();
    auto both = co_await weft::when_all(count_leaves(depth - 1), count_leaves(depth - 1));
    co_return std::get<0>(*both) + std::get<1>(*both);
}

TEST(crew, operands_are_begun_once_wherever_they_are) {
    under_seeds([](crew&) -> task<> { EXPECT_EQ(co_await count_leaves(5), 32); });
}

task<> visit(weft::scope& s, int depth, int& visited) {
    ++visited;
    if (depth == 0) co_return;
    for (int i = 0; i < 2; ++i) {
        if (i == 0)
            s.spawn(visit(s, depth - 1, visited));
        else
            s.fork(visit(s, depth - 1, visited));
    }
    co_await weft::yield();
}

TEST(crew, a_scope_ends_when_all_that_spawn_each_other_have) {
    under_seeds([](crew&) -> task<> {
        int visited = 0;
        auto body = [&](weft::scope& s) -> task<> { co_await visit(s, 4, visited); };
        (void)co_await weft::with_scope(body);
        EXPECT_EQ(visited, 31);
    });
}

task<result<int>> sleeps(int& woken) {
    auto slept = co_await weft::sleep_for(1h);
    ++woken;
    if (!slept) co_return weft::failure(slept.error());
    co_return 1;
}

TEST(crew, a_stop_reaches_children_on_their_way_between_executors) {
    under_seeds([](crew& c) -> task<> {
        int woken = 0;
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 6; ++i) {
                if (i % 2)
                    s.fork(sleeps(woken));
                else
                    s.spawn(sleeps(woken));
            }
            auto elsewhere = [](int& woken) -> task<> { (void)co_await sleeps(woken); };
            s.spawn([](crew& c, task<> t) -> task<> {
                (void)co_await weft::on(c[1], std::move(t));
            }(c, elsewhere(woken)));
            for (std::size_t i = weft::port::choose(6); i != 0; --i) co_await weft::yield();
            s.request_stop();
        };
        auto began = weft::clock::now();
        (void)co_await weft::with_scope(body);
        EXPECT_EQ(woken, 7);
        EXPECT_LT(weft::clock::now() - began, 1h);
    });
}

TEST(crew, the_first_of_any_stops_the_others_wherever_they_are) {
    under_seeds([](crew&) -> task<> {
        int woken = 0;
        auto quick = []() -> task<result<int>> {
            for (int i = 0; i < 3; ++i) co_await weft::yield();
            co_return 2;
        };
        auto any = co_await weft::when_any(sleeps(woken), quick(), sleeps(woken));
        EXPECT_EQ(any.first, 1u);
        EXPECT_EQ(woken, 2);
    });
}

// A task that says who it is, and then waits.
struct named {
    weft::branch* slot = nullptr;
    std::uint32_t generation = 0;
    bool cancelled = false;
    bool ended = false;
};
task<> waits(named& n) {
    n.slot = static_cast<weft::branch*>(weft::port::current()->running());
    n.generation = n.slot->generation;
    for (int i = 0; i < 4; ++i) co_await weft::yield();
    auto slept = co_await weft::sleep_for(1min);
    n.cancelled = !slept;
    n.ended = true;
}

TEST(crew, one_task_is_stopped_by_its_name_and_no_other) {
    under_seeds([](crew&) -> task<> {
        named all[4];
        weft::task_stop stop;
        auto body = [&](weft::scope& s) -> task<> {
            for (named& n : all) s.spawn(waits(n));
            while (!all[2].slot) co_await weft::yield();
            for (std::size_t i = weft::port::choose(8); i != 0; --i) co_await weft::yield();
            stop.send(*all[2].slot, all[2].generation);
            while (stop.is() == weft::task_stop::state::travels) co_await weft::yield();
        };
        (void)co_await weft::with_scope(body);
        EXPECT_EQ(stop.is(), weft::task_stop::state::delivered);
        for (named& n : all) {
            EXPECT_TRUE(n.ended);
            EXPECT_EQ(n.cancelled, &n == &all[2]);
        }
    });
}

TEST(crew, a_task_that_has_ended_is_not_stopped_in_its_successor) {
    under_seeds([](crew&) -> task<> {
        weft::task_stop stop;
        named first;
        named second;
        auto body = [&](weft::scope& s) -> task<> {
            s.spawn(waits(first));
            while (!first.ended) co_await weft::sleep_for(1s);
            s.spawn(waits(second));
            while (!second.slot) co_await weft::yield();
            stop.send(*first.slot, first.generation);
            while (stop.is() == weft::task_stop::state::travels) co_await weft::yield();
            EXPECT_EQ(stop.is(), weft::task_stop::state::too_late);
            alignas(weft::branch) unsigned char memory[sizeof(weft::branch)] = {};
            stop.send(*std::launder(reinterpret_cast<weft::branch*>(memory)), 0);
            EXPECT_EQ(stop.is(), weft::task_stop::state::too_late);
        };
        (void)co_await weft::with_scope(body);
        EXPECT_TRUE(second.ended);
        EXPECT_FALSE(second.cancelled);
    });
}

// The scope's stop meets a child that was asked alone before: its wait is cancelled once.
TEST(crew, a_stop_of_all_follows_a_stop_of_one) {
    under_seeds([](crew&) -> task<> {
        named all[3];
        weft::task_stop stop;
        auto body = [&](weft::scope& s) -> task<> {
            for (named& n : all) s.spawn(waits(n));
            while (!all[0].slot) co_await weft::yield();
            stop.send(*all[0].slot, all[0].generation);
            for (std::size_t i = weft::port::choose(4); i != 0; --i) co_await weft::yield();
            s.request_stop();
            while (stop.is() == weft::task_stop::state::travels) co_await weft::yield();
        };
        (void)co_await weft::with_scope(body);
        for (named& n : all) EXPECT_TRUE(n.ended);
    });
}

} // namespace
