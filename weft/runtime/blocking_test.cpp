#include <weft/runtime/blocking.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

weft::runtime_options with(std::size_t threads, std::size_t pool) {
    weft::runtime_options o;
    o.threads = threads;
    o.blocking_threads = pool;
    return o;
}

TEST(blocking, yields_the_value_from_another_thread) {
    auto body = []() -> task<> {
        std::thread::id here = std::this_thread::get_id();
        result<std::thread::id> there = co_await weft::blocking([] { return std::this_thread::get_id(); });
        EXPECT_TRUE(there.has_value());
        EXPECT_NE(there.value_or(here), here);
        EXPECT_EQ(here, std::this_thread::get_id());
    };
    weft::run(body());
}

TEST(blocking, takes_named_callables_void_and_results) {
    auto body = []() -> task<std::string> {
        std::string text = "a";
        auto append = [&] { text += "b"; };
        result<void> done = co_await weft::blocking(append);
        auto fails = []() -> result<int> { return weft::failure(errc::no_space); };
        result<int> failed = co_await weft::blocking(fails);
        if (!done || failed || failed.error() != errc::no_space) text += "!";
        co_return text;
    };
    EXPECT_EQ(weft::run(body()), "ab");
}

TEST(blocking, exceptions_travel) {
    auto body = []() -> task<int> {
        auto throws = []() -> int { throw std::runtime_error("f"); };
        result<int> r = co_await weft::blocking(throws);
        co_return *r;
    };
    EXPECT_THROW(weft::run(body()), std::runtime_error);
    EXPECT_THROW(weft::run(with(3, 2), body()), std::runtime_error);
}

TEST(blocking, is_bounded_and_first_come_first_served) {
    for (std::size_t threads : {1, 3}) {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        std::atomic<int> done{0};
        auto f = [&] {
            int now = ++running;
            int seen = most.load();
            while (seen < now && !most.compare_exchange_weak(seen, now)) {}
            std::this_thread::sleep_for(200us);
            --running;
            ++done;
        };
        auto one = [&]() -> task<> { (void)co_await weft::blocking(f); };
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 200; ++i) s.spawn(one());
            co_return;
        };
        auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
        EXPECT_TRUE(weft::run(with(threads, 3), main()));
        EXPECT_EQ(done.load(), 200);
        EXPECT_LE(most.load(), 3);
    }
}

TEST(blocking, a_stop_drops_what_is_queued_and_awaits_what_runs) {
    for (std::size_t threads : {1, 3}) {
        for (int round = 0; round < 20; ++round) {
            std::latch gate(1);
            std::atomic<bool> began{false};
            std::atomic<int> values{0};
            std::atomic<int> cancelled{0};
            auto f = [&] {
                began = true;
                gate.wait();
                return 1;
            };
            auto one = [&]() -> task<> {
                result<int> r = co_await weft::blocking(f);
                if (r)
                    ++values;
                else if (r.error() == errc::cancelled)
                    ++cancelled;
            };
            auto body = [&](weft::scope& s) -> task<> {
                for (int i = 0; i < 10; ++i) s.spawn(one());
                while (!began) co_await weft::yield();
                s.request_stop();
                for (int i = 0; i < 10; ++i) co_await weft::yield();
                gate.count_down();
            };
            auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
            EXPECT_TRUE(weft::run(with(threads, 1), main()));
            EXPECT_EQ(values.load() + cancelled.load(), 10);
            EXPECT_GE(values.load(), 1);
            if (threads == 1) {
                EXPECT_EQ(cancelled.load(), 9);
            }
        }
    }
}

TEST(blocking, a_timeout_bounds_the_request_and_keeps_the_value) {
    auto body = []() -> task<int> {
        auto f = [] {
            std::this_thread::sleep_for(150ms);
            return 4;
        };
        auto slow = weft::blocking(f);
        result<int> r = co_await weft::timeout(30ms, slow);
        co_return r.value_or(-1);
    };
    EXPECT_EQ(weft::run(body()), 4);
}

TEST(blocking, a_stopped_task_does_not_begin) {
    std::atomic<int> ran{0};
    auto body = [&](weft::scope& s) -> task<> {
        s.request_stop();
        result<void> r = co_await weft::blocking([&ran] { ++ran; });
        EXPECT_FALSE(r.has_value());
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(weft::run(main()));
    EXPECT_EQ(ran.load(), 0);
}

} // namespace
