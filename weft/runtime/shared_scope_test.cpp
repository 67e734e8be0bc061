// Scopes whose children run, end, are joined, dropped and stopped on several workers at once.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include <weft/core/channel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>
#include <weft/runtime/testing.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

class shared_scopes : public weft::testing::leaves_nothing<testing::TestWithParam<weft::worker_mode>> {
  protected:
    static weft::runtime_options workers(std::size_t n) {
        weft::runtime_options o;
        o.threads = n;
        o.mode = GetParam();
        return o;
    }
};

task<int> steps(int n) {
    for (int i = 0; i < n; ++i) co_await weft::yield();
    co_return n;
}

// Hands the right to a child's outcome to somebody who may be anywhere.
using handles = weft::channel<weft::join_handle<int>, 16>;

task<long> joiner(handles& from) {
    long sum = 0;
    for (;;) {
        auto handle = co_await from.recv();
        if (!handle) break;
        auto value = co_await handle->join();
        if (value) sum += *value;
    }
    co_return sum;
}

TEST_P(shared_scopes, outcomes_are_taken_by_whoever_holds_the_handle) {
    constexpr int children = 3000;
    auto body = [&](weft::runtime& r) -> task<long> {
        long sum = 0;
        handles passed;
        auto all = [&](weft::scope& s) -> task<result<void>> {
            auto joining = [&](weft::scope& inner) -> task<result<void>> {
                auto here = inner.spawn(joiner(passed));
                auto there = weft::on(r.worker(1), joiner(passed));
                for (int i = 0; i < children; ++i) {
                    auto handle = s.spawn(steps(i % 4));
                    if (i % 3 == 0) continue; // dropped
                    (void)co_await passed.send(std::move(handle));
                }
                passed.close();
                auto far = co_await there;
                sum += *far + *co_await here.join();
                co_return {};
            };
            co_return co_await weft::with_scope(joining);
        };
        auto done = co_await weft::with_scope(all);
        co_return done ? sum : -1;
    };
    long expected = 0;
    for (int i = 0; i < children; ++i) expected += i % 3 == 0 ? 0 : i % 4;
    weft::runtime r(workers(3));
    EXPECT_EQ(r.run(body(r)), expected);
}

task<> step_and_count(std::atomic<int>& ended) {
    co_await weft::yield();
    ++ended;
}
task<> children_at_home(weft::scope& s, std::atomic<int>& ended) {
    for (int i = 0; i < 20; ++i) {
        s.spawn(step_and_count(ended));
        co_await weft::yield();
    }
}
// On another worker: alive when the body has ended; it has children made at the scope's home.
task<> elsewhere(weft::runtime& r, weft::scope& s, std::atomic<int>& ended) {
    for (int i = 0; i < 50; ++i) {
        (void)co_await weft::on(r.worker(0), children_at_home(s, ended));
        s.spawn(step_and_count(ended));
    }
}
task<> far(weft::runtime& r, weft::scope& s, std::atomic<int>& ended) {
    (void)co_await weft::on(r.worker(1), elsewhere(r, s, ended));
}

// The home has no child of the scope left while others have, and then gets some again.
TEST_P(shared_scopes, children_come_home_after_the_home_had_none) {
    std::atomic<int> ended{0};
    auto body = [&](weft::runtime& r) -> task<int> {
        auto all = [&](weft::scope& s) -> task<> {
            s.spawn(far(r, s, ended));
            co_return;
        };
        (void)co_await weft::with_scope(all);
        co_return ended.load();
    };
    weft::runtime r(workers(2));
    EXPECT_EQ(r.run(body(r)), 50 * 21);
}

task<result<int>> waits_or_fails(int i) {
    for (int k = i % 5; k > 0; --k) co_await weft::yield();
    if (i % 97 == 96) co_return weft::failure(errc::closed);
    if (i % 2) co_await weft::ok(weft::sleep_for(1h));
    co_return i;
}

// A failure anywhere stops the children everywhere; each round a scope of its own, several at a time.
TEST_P(shared_scopes, a_failure_stops_the_children_on_every_worker) {
    std::atomic<int> failed{0};
    auto round = [&](int which) -> task<> {
        auto all = [&](weft::scope& s) -> task<result<void>> {
            std::vector<weft::join_handle<result<int>>> kept;
            for (int i = 0; i < 200; ++i) {
                auto handle = s.spawn(waits_or_fails(i + which));
                if (i % 7 == 0) kept.push_back(std::move(handle));
                if (i % 16 == 0) co_await weft::yield();
            }
            for (auto& handle : kept) co_await weft::ok(handle.join());
            co_return {};
        };
        auto outcome = co_await weft::with_scope(all);
        if (!outcome && outcome.error() == errc::closed) ++failed;
    };
    constexpr int rounds = 60;
    auto body = [&]() -> task<> {
        auto all = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < rounds; ++i) s.spawn(round(i));
            co_return;
        };
        (void)co_await weft::with_scope(all);
    };
    weft::runtime r(workers(4));
    r.run(body());
    EXPECT_EQ(failed, rounds);
}

task<result<void>> sleeper() { co_return co_await weft::sleep_for(1h); }
task<> spawner(weft::scope& s) {
    while (!s.stop_requested()) {
        s.spawn(sleeper());
        co_await weft::yield();
    }
    s.spawn(sleeper()); // begins stopped
}
task<> far_spawner(weft::runtime& r, weft::scope& s) { (void)co_await weft::on(r.worker(1), spawner(s)); }
task<> stopper(weft::scope& s, int steps) {
    for (int i = 0; i < steps; ++i) co_await weft::yield();
    s.request_stop();
}

// request_stop() from a worker that is not the scope's home, while children are being made on both.
TEST_P(shared_scopes, a_stop_from_another_worker_reaches_children_made_meanwhile) {
    auto body = [&](weft::runtime& r) -> task<int> {
        int stopped = 0;
        for (int i = 0; i < 100; ++i) {
            auto all = [&](weft::scope& s) -> task<result<void>> {
                s.spawn(spawner(s));
                s.spawn(far_spawner(r, s));
                (void)co_await weft::on(r.worker(1), stopper(s, i % 10));
                co_return {};
            };
            auto outcome = co_await weft::with_scope(all);
            if (outcome || outcome.error() == errc::cancelled) ++stopped;
        }
        co_return stopped;
    };
    weft::runtime r(workers(2));
    EXPECT_EQ(r.run(body(r)), 100);
}

INSTANTIATE_TEST_SUITE_P(modes, shared_scopes,
                         testing::Values(weft::worker_mode::work_sharing, weft::worker_mode::pinned),
                         [](const auto& mode) {
                             return mode.param == weft::worker_mode::pinned ? "pinned" : "sharing";
                         });

} // namespace
