#include <weft/runtime/run.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/host/memory.hpp>
#include <weft/ports/host/worker.hpp>
#include <weft/runtime/testing.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;
using weft::testing::burn;

// Nothing may be left after a run.
class runtimes : public weft::testing::leaves_nothing<testing::Test> {
  protected:
    static weft::runtime_options with(std::size_t threads,
                                      weft::worker_mode mode = weft::worker_mode::work_sharing) {
        weft::runtime_options o;
        o.threads = threads;
        o.mode = mode;
        return o;
    }
};

task<int> value(int v) { co_return v; }
task<int> after(std::chrono::nanoseconds wait, int v) {
    (void)co_await weft::sleep_for(wait);
    co_return v;
}
// Computes, so that others have a reason to take the rest.
TEST_F(runtimes, run_yields_the_value) { EXPECT_EQ(weft::run(value(7)), 7); }

TEST_F(runtimes, run_sleeps) {
    auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(weft::run(after(20ms, 3)), 3);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST_F(runtimes, exceptions_come_out) {
    auto body = []() -> task<int> {
        co_await weft::yield();
        throw std::runtime_error("a");
    };
    EXPECT_THROW(weft::run(body()), std::runtime_error);
    EXPECT_THROW(weft::run(with(3), body()), std::runtime_error);
}

TEST_F(runtimes, run_inside_a_task_is_refused) {
    auto body = []() -> task<int> {
        int n = 0;
        try {
            n = weft::run(value(1));
        } catch (const std::logic_error&) {
            n = 2;
        }
        co_return n;
    };
    EXPECT_EQ(weft::run(body()), 2);
}

TEST_F(runtimes, bad_options_are_refused_with_a_sentence) {
    auto message = [](const weft::runtime_options& o) -> std::string {
        try {
            weft::runtime r(o);
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "";
    };
    EXPECT_EQ(message(with(65)), "weft::runtime: 65 threads are too many; at most 64");
    weft::runtime_options o = with(2);
    o.cpus = {0};
    EXPECT_EQ(message(o), "weft::runtime: 1 CPUs for 2 threads; give as many, or none");
    o.cpus.clear();
    o.priorities = 33;
    EXPECT_EQ(message(o), "weft::runtime: 33 priorities; there can be 1 to 32");
    o.priorities = 1;
    o.file_threads = 0;
    EXPECT_EQ(message(o), "weft::runtime: file_threads must be at least 1");
}

TEST_F(runtimes, a_cpu_that_is_not_there_is_an_error) {
    weft::runtime_options o = with(2);
    o.cpus = {0, 1023};
    EXPECT_THROW(weft::run(o, value(1)), std::system_error);
}

TEST_F(runtimes, can_run_again_and_again) {
    weft::runtime r(with(3));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(r.run(value(i)), i);
}

TEST_F(runtimes, ready_tasks_are_shared) {
    std::mutex guard;
    std::set<std::thread::id> threads;
    auto work = [&]() -> task<> {
        burn(200us);
        std::lock_guard held(guard);
        threads.insert(std::this_thread::get_id());
        co_return;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 400; ++i) s.spawn(work());
        co_return;
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(weft::run(with(4), main()));
    EXPECT_GT(threads.size(), 1u);
}

TEST_F(runtimes, pinned_tasks_stay) {
    for (auto mode : {weft::worker_mode::pinned, weft::worker_mode::work_sharing}) {
        weft::runtime r(with(3, mode));
        std::atomic<int> moved{0};
        auto stay = [&](weft::executor& home) -> task<> {
            for (int i = 0; i < 300; ++i) {
                if (weft::port::current() != &home) ++moved;
                if (i % 50 == 0) burn(50us);
                co_await weft::yield();
            }
        };
        auto main = [&]() -> task<int> {
            auto a = weft::on(r.worker(0), stay(r.worker(0)));
            auto b = weft::on(r.worker(1), stay(r.worker(1)));
            auto c = weft::on(r.worker(2), stay(r.worker(2)));
            auto d = weft::on(r.worker(1), stay(r.worker(1)));
            co_await weft::when_all(a, b, c, d);
            co_return moved.load();
        };
        EXPECT_EQ(r.run(main()), 0);
    }
}

TEST_F(runtimes, in_pinned_mode_nothing_moves) {
    weft::runtime r(with(3, weft::worker_mode::pinned));
    std::atomic<int> elsewhere{0};
    auto work = [&]() -> task<> {
        burn(20us);
        if (weft::port::current() != &r.worker(0)) ++elsewhere;
        co_return;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 200; ++i) s.spawn(work());
        co_return;
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(r.run(main()));
    EXPECT_EQ(elsewhere.load(), 0);
}

TEST_F(runtimes, spawn_on_adds_services_that_end_with_the_main_task) {
    weft::runtime r(with(3, weft::worker_mode::pinned));
    std::atomic<int> started{0};
    std::atomic<int> cancelled{0};
    EXPECT_EQ(r.spawn_on(0, value(1)).error(), errc::closed);
    auto service = [&](weft::executor& home) -> task<> {
        EXPECT_EQ(weft::port::current(), &home);
        ++started;
        result<void> slept = co_await weft::sleep_for(1h);
        if (!slept && slept.error() == errc::cancelled) ++cancelled;
    };
    auto main = [&]() -> task<int> {
        for (std::size_t i = 0; i < r.size(); ++i) EXPECT_TRUE(r.spawn_on(i, service(r.worker(i))));
        EXPECT_EQ(r.spawn_on(3, service(r.worker(0))).error(), errc::invalid_argument);
        while (started.load() != 3) co_await weft::yield();
        co_return 1;
    };
    EXPECT_EQ(r.run(main()), 1);
    EXPECT_EQ(cancelled.load(), 3);
}

TEST_F(runtimes, an_exception_of_a_service_stops_the_run_and_comes_out) {
    weft::runtime r(with(2));
    auto service = []() -> task<> {
        co_await weft::yield();
        throw std::runtime_error("service");
    };
    auto main = [&]() -> task<int> {
        (void)r.spawn_on(1, service());
        (void)co_await weft::sleep_for(1h);
        co_return 1;
    };
    EXPECT_THROW(r.run(main()), std::runtime_error);
}

TEST_F(runtimes, request_stop_from_a_foreign_thread_ends_everything_in_flight) {
    for (std::size_t threads : {1, 3}) {
        for (int round = 0; round < 30; ++round) {
            weft::runtime r(with(threads));
            std::atomic<bool> up{false};
            auto sleeper = []() -> task<> { (void)co_await weft::sleep_for(1h); };
            auto body = [&](weft::scope& s) -> task<> {
                for (int i = 0; i < 100; ++i) s.spawn(sleeper());
                up = true;
                (void)co_await weft::sleep_for(1h);
            };
            auto main = [&]() -> task<int> {
                (void)co_await weft::with_scope(body);
                co_return 5;
            };
            std::thread stopper([&] {
                while (!up) std::this_thread::yield();
                r.request_stop();
            });
            EXPECT_EQ(r.run(main()), 5);
            stopper.join();
        }
    }
}

TEST_F(runtimes, wakers_wake_across_threads) {
    for (std::size_t threads : {1, 3}) {
        weft::runtime r(with(threads));
        weft::waker w;
        std::atomic<int> waiting{0};
        std::thread foreign([&] {
            for (int i = 1; i <= 3000; ++i) {
                while (waiting.load() < i) std::this_thread::yield();
                w.wake();
            }
        });
        auto main = [&]() -> task<int> {
            int n = 0;
            for (int i = 1; i <= 3000; ++i) {
                waiting = i;
                if (co_await w.wait()) ++n;
            }
            co_return n;
        };
        EXPECT_EQ(r.run(main()), 3000);
        foreign.join();
    }
}

// The runtime goes as soon as the task is awake, while the foreign thread may still be on its way out of the ring.
TEST_F(runtimes, outlives_the_ring_that_ends_it) {
    for (int i = 0; i < 300; ++i) {
        weft::waker w;
        std::atomic<bool> up{false};
        std::thread foreign([&] {
            while (!up) std::this_thread::yield();
            if (i % 2) std::this_thread::sleep_for(100us);
            w.wake();
        });
        auto main = [&]() -> task<int> {
            up = true;
            (void)co_await w.wait();
            co_return 1;
        };
        EXPECT_EQ(weft::run(main()), 1);
        foreign.join();
    }
}

TEST_F(runtimes, a_stop_source_stops_from_a_foreign_thread) {
    for (std::size_t threads : {1, 3}) {
        weft::runtime r(with(threads));
        for (int round = 0; round < 100; ++round) {
            weft::stop_source source;
            std::atomic<int> up{0};
            auto sleeper = [&]() -> task<result<void>> {
                ++up;
                result<void> slept = co_await weft::sleep_for(1h);
                co_return slept;
            };
            auto waiter = [&]() -> task<> {
                result<void> outcome = co_await weft::until(source.token(), sleeper());
                EXPECT_EQ(outcome, weft::failure(errc::cancelled));
            };
            std::thread foreign([&] {
                while (up.load() < 4) std::this_thread::yield();
                source.request_stop();
            });
            auto main = [&]() -> task<> {
                auto all = co_await weft::when_all(waiter(), waiter(), waiter(), waiter());
                EXPECT_TRUE(all.has_value());
            };
            r.run(main());
            foreign.join();
        }
    }
}

TEST_F(runtimes, timers_fire_on_many_workers) {
    std::atomic<int> fired{0};
    auto sleeper = [&](int i) -> task<> {
        for (int k = 0; k < 3; ++k) {
            (void)co_await weft::sleep_for(std::chrono::microseconds(100 * (i % 20)));
            burn(1us);
        }
        ++fired;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 2000; ++i) s.spawn(sleeper(i));
        co_return;
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(weft::run(with(4), main()));
    EXPECT_EQ(fired.load(), 2000);
}

// Scopes whose children move between workers, fail, are stopped, joined and timed out, thousands of times.
TEST_F(runtimes, scopes_across_workers_survive_failures_and_stops) {
    std::atomic<long> alive{0};
    struct counted {
        std::atomic<long>& n;
        explicit counted(std::atomic<long>& c) : n(c) { ++n; }
        ~counted() { --n; }
    };
    auto child = [&](unsigned seed) -> task<result<int>> {
        counted guard(alive);
        switch (seed % 7) {
        case 0: co_return weft::failure(errc::not_found);
        case 1:
            for (int i = 0; i < 5; ++i) co_await weft::yield();
            break;
        case 2: {
            result<void> slept = co_await weft::sleep_for(std::chrono::microseconds(seed % 50));
            if (!slept) co_return weft::failure(slept.error());
            break;
        }
        case 3: {
            result<void> slept = co_await weft::sleep_for(1h);
            co_return weft::failure(slept.error());
        }
        case 4: burn(std::chrono::microseconds(seed % 10)); break;
        case 5: {
            auto sleep = weft::sleep_for(1h);
            result<void> slept = co_await weft::timeout(10us, sleep);
            EXPECT_FALSE(slept.has_value());
            break;
        }
        default: break;
        }
        co_return 1;
    };
    auto round = [&](unsigned seed) -> task<> {
        auto body = [&](weft::scope& s) -> task<result<int>> {
            counted guard(alive);
            weft::join_handle<result<int>> handle = s.spawn(child(seed * 5 + 1));
            for (unsigned i = 0; i < 12; ++i) s.spawn(child(seed * 31 + i * 13));
            result<int> joined = co_await handle.join();
            if (seed % 3 == 0) s.request_stop();
            co_return joined;
        };
        auto nested = [&](weft::scope& s) -> task<result<int>> {
            s.spawn(child(seed));
            s.spawn(child(3)); // sleeps until it is stopped
            result<int> inner = co_await weft::with_scope(body);
            if (inner) s.request_stop();
            co_return inner;
        };
        result<int> outcome = co_await weft::with_scope(nested);
        (void)outcome;
    };
    auto many = [&](weft::scope& s) -> task<> {
        for (unsigned i = 0; i < 3000; ++i) {
            s.spawn(round(i));
            if (i % 16 == 0) (void)co_await weft::sleep_for(20us);
        }
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(many); };
    for (std::size_t threads : {1, 2, 4}) {
        EXPECT_TRUE(weft::run(with(threads), main()));
        EXPECT_EQ(alive.load(), 0);
    }
}

TEST_F(runtimes, shutdown_with_everything_in_flight) {
    for (int i = 0; i < 200; ++i) {
        weft::runtime r(with(4));
        weft::waker never;
        auto sleeper = [&](int k) -> task<> {
            if (k % 3 == 0) (void)co_await weft::sleep_for(1h);
            if (k % 3 == 1)
                for (int n = 0; n < 100; ++n) co_await weft::yield();
        };
        auto waiter = [&]() -> task<> { (void)co_await never.wait(); };
        auto main = [&]() -> task<int> {
            (void)r.spawn_on(3, waiter());
            for (int k = 0; k < 40; ++k) (void)r.spawn_on(static_cast<std::size_t>(k) % 4, sleeper(k));
            co_return 1;
        };
        EXPECT_EQ(r.run(main()), 1);
    }
}

TEST_F(runtimes, priorities_are_strict) {
    weft::runtime_options o = with(1);
    o.priorities = 3;
    std::vector<int> order;
    auto work = [&](int n) -> task<> {
        order.push_back(n);
        co_return;
    };
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn(work(2), 2);
        s.spawn(work(1), 1);
        s.spawn(work(0), 0);
        s.spawn(work(1), 1);
        co_return;
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(weft::run(o, main()));
    EXPECT_EQ(order, (std::vector<int>{0, 1, 1, 2}));
}

// What a worker offers is taken while it is busy with one job. It offers where jobs have been long of late.
TEST_F(runtimes, a_long_job_does_not_keep_back_what_is_offered) {
    std::atomic<int> ended = 0;
    int before_the_long_one = 0;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 10; ++i) {
            burn(100us);
            co_await weft::yield();
        }
        s.spawn([](std::atomic<int>& ended, int& before) -> task<> {
            auto limit = std::chrono::steady_clock::now() + 5s;
            while (ended < 4 && std::chrono::steady_clock::now() < limit) {}
            before = ended;
            co_return;
        }(ended, before_the_long_one));
        for (int i = 0; i < 10; ++i)
            s.spawn([](std::atomic<int>& ended) -> task<> {
                burn(100us);
                ++ended;
                co_return;
            }(ended));
        burn(100us);
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::run(with(2), whole());
    EXPECT_GE(before_the_long_one, 4);
    EXPECT_EQ(ended, 10);
}

TEST_F(runtimes, priorities_travel_with_shared_work) {
    weft::runtime_options o = with(3);
    o.priorities = 4;
    std::atomic<int> done{0};
    auto work = [&]() -> task<> {
        burn(30us);
        co_await weft::yield();
        ++done;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 400; ++i) s.spawn(work(), static_cast<std::size_t>(i) % 4);
        co_return;
    };
    auto main = [&]() -> task<result<void>> { co_return co_await weft::with_scope(body); };
    EXPECT_TRUE(weft::run(o, main()));
    EXPECT_EQ(done.load(), 400);
}

// Runs last: from here on the threads keep no lists of free frames.
TEST_F(runtimes, zz_every_allocation_may_fail) {
    for (std::size_t threads : {1, 2}) {
        weft::runtime r(with(threads));
        auto leaf = []() -> task<result<int>> {
            (void)co_await weft::sleep_for(1us);
            co_return 1;
        };
        auto body = [&](weft::scope& s) -> task<result<int>> {
            weft::join_handle<result<int>> a = s.spawn(leaf());
            weft::join_handle<result<int>> b = s.spawn(leaf());
            result<int> x = co_await a.join();
            result<int> y = co_await b.join();
            if (!x) co_return x;
            co_return y;
        };
        auto main = [&]() -> task<result<int>> {
            task<result<int>> there = leaf();
            if (!there) co_return weft::failure(errc::out_of_memory);
            result<int> far = co_await weft::on(r.worker(r.size() - 1), std::move(there));
            if (!far) co_return far;
            co_return co_await weft::with_scope(body);
        };
        weft::memory::fail_allocation(0);
        EXPECT_TRUE(r.run(main()));
        std::size_t count = weft::memory::allocations();
        EXPECT_GE(count, 8u);
        for (std::size_t k = 1; k <= count; ++k) {
            weft::memory::fail_allocation(k);
            result<int> outcome = r.run(main());
            EXPECT_FALSE(outcome.has_value()) << k;
            if (!outcome) {
                EXPECT_EQ(outcome.error(), errc::out_of_memory) << k;
            }
        }
        weft::memory::fail_allocation(0);
    }
}

} // namespace
