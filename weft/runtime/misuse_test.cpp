// Each misuse of a public primitive that can be found when it happens ends the program with a message that names it.
// Of a descriptor: io/tcp_test.cpp. Of a condition whose co_await has no name: frame_layout_test.cpp.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>

#include <weft/core/barrier.hpp>
#include <weft/core/fixed_array.hpp>
#include <weft/core/latch.hpp>
#include <weft/core/on.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/host/memory.hpp>
#include <weft/ports/host/worker.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/run.hpp>

namespace {

using weft::task;

// Threads are alive when some of these die.
struct misuse : testing::Test {
    misuse() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

task<int> one() { co_return 1; }

TEST_F(misuse, a_task_is_awaited_twice) {
    auto body = []() -> task<int> {
        task<int> t = one();
        int first = co_await t;
        co_return first + co_await t;
    };
    EXPECT_DEATH((void)weft::run(body()), "a task that was awaited before, or moved from");
}

TEST_F(misuse, an_empty_task_is_run) {
    EXPECT_DEATH((void)weft::run(task<int>()), "a task that was awaited before, or moved from");
}

// It is no misuse, but has no value to say it with.
TEST_F(misuse, no_memory_for_a_task_that_cannot_say_so) {
    auto body = []() -> task<int> {
        weft::memory::fail_allocation(1);
        co_return co_await one();
    };
    EXPECT_DEATH((void)weft::run(body()), "no memory for a task's frame");
}

TEST_F(misuse, two_tasks_wait_for_one_waker) {
    weft::waker w;
    auto waits = [&]() -> task<weft::result<void>> { co_return co_await w.wait(); };
    auto body = [&]() -> task<> { (void)co_await weft::when_all(waits(), waits()); };
    EXPECT_DEATH(weft::run(body()), "two tasks wait for one waker");
}

TEST_F(misuse, an_executor_without_levels_or_with_too_many) {
    weft::run_queue levels[weft::executor::max_levels + 1];
    EXPECT_DEATH(weft::executor(levels, 0), "an executor has 1 to 32 levels");
    EXPECT_DEATH(weft::executor(levels, weft::executor::max_levels + 1), "an executor has 1 to 32 levels");
}

TEST_F(misuse, what_needs_a_worker_outside_of_a_task) {
    EXPECT_DEATH((void)weft::this_worker(), "this needs a worker: it was called outside of a task");
}

TEST_F(misuse, a_worker_that_there_is_not) {
    weft::runtime r;
    EXPECT_DEATH((void)r.worker(r.size()), "there is no such worker");
}

TEST_F(misuse, a_barrier_is_dropped_too_often) {
    weft::barrier b(1);
    b.drop();
    EXPECT_DEATH(b.drop(), "a barrier was dropped more often than it expects arrivals");
}

TEST_F(misuse, a_latch_is_counted_down_too_far) {
    weft::latch l(1);
    EXPECT_DEATH(l.count_down(2), "a latch was counted down below zero");
}

TEST_F(misuse, a_semaphore_has_too_many_permits) {
    weft::semaphore s(1);
    EXPECT_DEATH(s.release(~std::size_t{0}), "a semaphore has too many permits");
}

TEST_F(misuse, a_fixed_array_is_filled_beyond_its_room) {
    auto values = weft::fixed_array<int>::with_room(1);
    values.emplace_back(1);
    EXPECT_DEATH(values.emplace_back(2), "a fixed_array has no room left");
}

TEST_F(misuse, a_stop_source_is_destroyed_during_a_wait) {
    auto body = []() -> task<> {
        auto* source = new weft::stop_source;
        auto waits = [&]() -> task<> {
            (void)co_await weft::until(source->token(), weft::sleep_for(std::chrono::hours(1)));
        };
        auto destroys = [&]() -> task<> {
            co_await weft::yield();
            delete source;
        };
        (void)co_await weft::when_all(waits(), destroys());
    };
    EXPECT_DEATH(weft::run(body()), "a stop_source was destroyed while a wait under its token went on");
}

} // namespace
