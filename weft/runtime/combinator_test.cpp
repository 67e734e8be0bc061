// The combinators where their operands run on other workers, block, and throw.
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/runtime.hpp>

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/host/memory.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::failure;
using weft::result;
using weft::task;

weft::runtime_options with(std::size_t threads, weft::worker_mode mode) {
    weft::runtime_options o;
    o.threads = threads;
    o.mode = mode;
    return o;
}

// In each mode; nothing may be left.
template <class F> void in_both_modes(F test) {
    for (auto mode : {weft::worker_mode::pinned, weft::worker_mode::work_sharing}) {
        auto before = weft::memory::measure();
        {
            weft::runtime r(with(3, mode));
            r.run(test(r));
        }
        auto after = weft::memory::measure();
        EXPECT_EQ(after.live_frames, before.live_frames);
        EXPECT_EQ(after.live_branches, before.live_branches);
    }
}

task<result<int>> working(int i) {
    for (int n = 0; n < i % 7; ++n) co_await weft::yield();
    result<void> slept = co_await weft::sleep_for(std::chrono::microseconds(i % 50));
    if (!slept) co_return failure(slept.error());
    co_return i;
}

TEST(combinators, a_range_across_workers_keeps_its_order) {
    in_both_modes([](weft::runtime& r) -> task<> {
        for (int round = 0; round < 20; ++round) {
            std::vector<task<result<int>>> tasks;
            for (int i = 0; i < 200; ++i) {
                auto there = [](weft::executor& where, int n) -> task<result<int>> {
                    co_return co_await weft::on(where, working(n));
                };
                tasks.push_back(there(r.worker(static_cast<std::size_t>(i) % r.size()), i));
            }
            auto all = co_await weft::when_all(std::move(tasks));
            EXPECT_TRUE(all);
            for (int i = 0; all && i < 200; ++i) EXPECT_EQ((*all)[static_cast<std::size_t>(i)], i);
        }
    });
}

// Wherever the stop comes in: the outcome is a value, a time-out, or the stop, and whatever ran has ended.
TEST(combinators, ranges_are_stopped_at_any_moment) {
    in_both_modes([](weft::runtime& r) -> task<> {
        for (int round = 0; round < 150; ++round) {
            std::atomic<int> alive{0};
            auto child = [&](int i) -> task<result<int>> {
                ++alive;
                result<int> n =
                    co_await weft::on(r.worker(static_cast<std::size_t>(i) % r.size()), working(i));
                --alive;
                co_return n;
            };
            std::vector<task<result<int>>> all, any;
            for (int i = 0; i < 30; ++i) {
                all.push_back(child(i));
                any.push_back(child(i + 1));
            }
            auto limit = std::chrono::microseconds(round * 2);
            auto values = co_await weft::timeout(limit, weft::when_all(std::move(all)));
            EXPECT_TRUE(values || values.error() == errc::timed_out);
            weft::stop_source source;
            std::thread stopping([&] {
                std::this_thread::sleep_for(limit);
                source.request_stop();
            });
            auto first = co_await weft::until(source.token(), weft::when_any(std::move(any)));
            EXPECT_TRUE(first) << "when_any() gives all outcomes, also of those that were stopped";
            EXPECT_EQ(alive.load(), 0);
            stopping.join();
        }
    });
}

TEST(combinators, an_exception_of_an_operation_stops_the_others_and_comes_out) {
    in_both_modes([](weft::runtime&) -> task<> {
        auto fails = []() -> int { throw std::runtime_error("no"); };
        bool caught = false;
        auto began = weft::clock::now();
        try {
            (void)co_await weft::when_all(weft::blocking(fails), weft::sleep_for(1h),
                                          weft::shielded(working(3)));
        } catch (const std::runtime_error& e) {
            caught = e.what() == std::string("no");
        }
        EXPECT_TRUE(caught);
        EXPECT_LT(weft::clock::now() - began, 10s);
    });
}

} // namespace
