#include <weft/ports/host/worker.hpp>

#include <set>

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include <weft/core/machine/root.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/task.hpp>
#include <weft/core/waker.hpp>
#include <weft/ports/host/backend.hpp>

namespace {

using namespace std::chrono_literals;
using weft::atomic;
using weft::task;

// A back-end that only waits, if it has to be polled at all, and counts.
class bell_only : public weft::backend {
  public:
    const char* name() const noexcept override { return "bell only"; }
    bool submit(weft::io_operation&) noexcept override { return false; }
    void cancel(weft::io_operation&) noexcept override {}
    void poll(std::int64_t deadline) noexcept override {
        ++polls;
        for (unsigned spins = 0; rings.exchange(0, weft::order::acquire) == 0; ++spins) {
            if (weft::port::now() >= deadline) return;
            weft::port::relax(spins);
        }
    }
    void ring() noexcept override { rings.fetch_add(1, weft::order::release); }
    bool idle() const noexcept override { return true; }
    bool needs_no_poll() const noexcept override { return resting; }

    bool resting = true;
    int polls = 0;
    atomic<std::uint32_t> rings{0};
};

class workers : public testing::Test {
  protected:
    workers() {
        auto made = std::make_unique<bell_only>();
        io = made.get();
        w.open(std::move(made));
    }
    ~workers() override {
        w.close();
        w.drop_io();
    }
    void run(task<> t) {
        weft::root<void> r(std::move(t));
        r.start(w.level());
        while (!r.finished())
            if (!w.turn() && !r.finished()) w.sleep();
        r.take();
    }

    weft::worker w;
    bell_only* io;
};

task<> short_sleep() {
    weft::clock::time_point before = weft::clock::now();
    (void)co_await weft::sleep_for(2ms);
    EXPECT_GE(weft::clock::now() - before, 2ms);
}

TEST_F(workers, without_io_a_sleep_asks_no_back_end) {
    run(short_sleep());
    EXPECT_EQ(io->polls, 0);
    io->resting = false;
    run(short_sleep());
    EXPECT_GT(io->polls, 0);
}

// There is no timer that would end the sleep.
TEST_F(workers, a_knock_ends_the_sleep_that_follows) {
    for (bool resting : {true, false, false, true}) {
        io->resting = resting;
        w.knock();
        w.sleep();
    }
}

TEST_F(workers, a_knock_ends_a_sleep) {
    for (bool resting : {true, false, true}) {
        io->resting = resting;
        std::thread other([&] {
            std::this_thread::sleep_for(1ms);
            w.knock();
        });
        w.sleep();
        other.join();
        // It may have come before the sleep, and be remembered at the other place.
        io->rings.store(0, weft::order::relaxed);
    }
}

// Each wake finds the worker somewhere between its last look and its sleep, and the place changes each time.
TEST_F(workers, no_wake_is_lost_while_the_place_of_sleep_changes) {
    constexpr std::uint32_t times = 20'000;
    weft::waker bell;
    atomic<std::uint32_t> waiting{0};
    std::thread other([&] {
        for (std::uint32_t i = 1; i <= times; ++i) {
            for (unsigned spins = 0; waiting.load(weft::order::acquire) < i; ++spins)
                weft::port::relax(spins);
            bell.wake();
        }
    });
    auto all = [&]() -> task<> {
        for (std::uint32_t i = 1; i <= times; ++i) {
            io->resting = i % 3 != 0;
            waiting.store(i, weft::order::release);
            (void)co_await bell.wait();
        }
    };
    run(all());
    other.join();
}

// Two workers on one thread, as a simulated world has them: each is entered for a step, and no step waits.
TEST(stepped_workers, wake_each_other_on_one_thread) {
    weft::worker a, b;
    for (weft::worker* w : {&a, &b}) w->open(std::make_unique<bell_only>());
    weft::set_current(nullptr);
    weft::waker to_a, to_b;
    int passed = 0;
    auto play = [&](weft::waker& mine, weft::waker& other, bool serves) -> task<> {
        for (int i = 0; i < 100; ++i) {
            if (serves || i > 0) other.wake();
            (void)co_await mine.wait();
            ++passed;
        }
        other.wake();
    };
    weft::root<void> first(play(to_a, to_b, true)), second(play(to_b, to_a, false));
    weft::executor* before = weft::set_current(&a);
    EXPECT_EQ(before, nullptr);
    first.start(a.level());
    weft::set_current(&b);
    second.start(b.level());
    weft::set_current(nullptr);
    std::int64_t began = weft::port::now();
    for (int steps = 0; (!first.finished() || !second.finished()) && steps < 10'000; ++steps) {
        a.step();
        EXPECT_EQ(weft::port::current(), nullptr);
        b.step();
    }
    EXPECT_TRUE(first.finished() && second.finished());
    EXPECT_EQ(passed, 200);
    EXPECT_LT(weft::port::now() - began, 5'000'000'000);
    first.take();
    second.take();
    for (weft::worker* w : {&a, &b}) {
        weft::set_current(w);
        w->close();
        w->drop_io();
    }
}

TEST_F(workers, a_step_waits_no_longer_than_it_is_told) {
    for (bool resting : {true, false}) {
        io->resting = resting;
        std::int64_t until = weft::port::now() + 3'000'000;
        EXPECT_FALSE(w.step(until));
        EXPECT_GE(weft::port::now(), until);
        EXPECT_LT(weft::port::now(), until + 2'000'000'000);
        EXPECT_EQ(weft::port::current(), &w);
    }
}

// Sixty-four words of 64 bits: that two are equal, or that a bit never changes, would be no accident.
TEST(random, differs_from_call_to_call) {
    std::set<std::uint64_t> seen;
    std::uint64_t ever_set = 0;
    std::uint64_t ever_clear = 0;
    for (int i = 0; i < 64; ++i) {
        std::uint64_t bits = weft::port::random();
        seen.insert(bits);
        ever_set |= bits;
        ever_clear |= ~bits;
    }
    EXPECT_EQ(seen.size(), 64u);
    EXPECT_EQ(ever_set, ~std::uint64_t{0});
    EXPECT_EQ(ever_clear, ~std::uint64_t{0});
}

} // namespace
