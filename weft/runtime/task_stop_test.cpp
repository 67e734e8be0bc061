// One task of many is asked to stop while workers steal and share, and joins come from elsewhere: on real threads.
#include <weft/core/machine/stop_message.hpp>

#include <atomic>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <weft/core/on.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/testing.hpp>

namespace {

using namespace std::chrono_literals;
using weft::result;
using weft::task;
using state = weft::task_stop::state;

struct named {
    std::atomic<weft::branch*> slot{nullptr};
    std::uint32_t generation = 0; // written before the slot
    std::atomic<bool> ended{false};
    bool cancelled = false;
};

void spin_for(std::chrono::nanoseconds d) {
    auto until = weft::clock::now() + d;
    while (weft::clock::now() < until) {}
}

// Runs, and so becomes worth offering to others, and waits in between.
task<result<void>> wanders(named& n, int steps) {
    auto* b = static_cast<weft::branch*>(weft::port::current()->running());
    n.generation = b->generation;
    n.slot.store(b);
    bool cancelled = false;
    for (int i = 0; i < steps && !cancelled; ++i) {
        spin_for(3us);
        if (i % 4 == 3)
            cancelled = !co_await weft::sleep_for(20us);
        else
            co_await weft::yield();
    }
    if (!cancelled) cancelled = !co_await weft::sleep_for(10s);
    n.cancelled = cancelled;
    n.ended = true;
    co_return {};
}

weft::runtime_options four() {
    weft::runtime_options o;
    o.threads = 4;
    return o;
}

TEST(task_stop, finds_a_task_on_its_way_between_workers) {
    weft::runtime r(four());
    r.run([]() -> task<> {
        for (int round = 0; round < 40; ++round) {
            std::vector<std::unique_ptr<named>> all;
            for (int i = 0; i < 12; ++i) all.push_back(std::make_unique<named>());
            std::vector<std::unique_ptr<weft::task_stop>> stops;
            auto body = [&](weft::scope& s) -> task<> {
                for (auto& n : all) s.spawn(wanders(*n, 40));
                for (auto& n : all) {
                    while (!n->slot) co_await weft::yield();
                    stops.push_back(std::make_unique<weft::task_stop>());
                    stops.back()->send(*n->slot.load(), n->generation);
                }
                for (auto& stop : stops)
                    while (stop->is() == state::travels) co_await weft::yield();
            };
            (void)co_await weft::with_scope(body);
            for (auto& stop : stops) EXPECT_EQ(stop->is(), state::delivered);
            for (auto& n : all) EXPECT_TRUE(n->ended && n->cancelled);
        }
    }());
}

// The stop of the scope follows: whoever has been asked before ends all the same, and each wait is cancelled once.
TEST(task_stop, and_a_stop_of_all_meet) {
    weft::runtime r(four());
    r.run([]() -> task<> {
        for (int round = 0; round < 40; ++round) {
            std::vector<std::unique_ptr<named>> all;
            for (int i = 0; i < 12; ++i) all.push_back(std::make_unique<named>());
            weft::task_stop stops[12];
            auto body = [&](weft::scope& s) -> task<> {
                for (auto& n : all) s.spawn(wanders(*n, 400));
                for (std::size_t i = 0; i < 12; i += 2) {
                    while (!all[i]->slot) co_await weft::yield();
                    stops[i].send(*all[i]->slot.load(), all[i]->generation);
                }
                s.request_stop();
                for (auto& stop : stops)
                    while (stop.is() == state::travels) co_await weft::yield();
            };
            (void)co_await weft::with_scope(body);
            for (auto& n : all) EXPECT_TRUE(n->ended || !n->slot);
        }
    }());
}

// A join from another worker writes what it waits for beside the stop's flag: neither may be lost.
TEST(task_stop, a_join_from_elsewhere_meets_the_stop_of_all) {
    weft::runtime r(four());
    r.run([](weft::runtime& r) -> task<> {
        for (int round = 0; round < 300; ++round) {
            int joined = 0;
            auto sleeps = []() -> task<result<void>> {
                for (int i = 0; i < 4; ++i)
                    if (auto slept = co_await weft::sleep_for(10s); !slept && i == 3)
                        co_return weft::failure(slept.error());
                co_return {};
            };
            auto joins = [&](weft::join_handle<result<void>> h) -> task<> {
                (void)co_await weft::shielded([](weft::join_handle<result<void>> h) -> task<result<void>> {
                    co_return co_await h.join();
                }(std::move(h)));
                ++joined;
            };
            auto body = [&](weft::scope& s) -> task<> {
                auto h = s.spawn(sleeps());
                s.spawn([](weft::runtime& r, task<> t) -> task<> {
                    (void)co_await weft::on(r.worker(1), std::move(t));
                }(r, joins(std::move(h))));
                for (int i = round % 5; i > 0; --i) co_await weft::yield();
                s.request_stop();
            };
            (void)co_await weft::with_scope(body);
            EXPECT_EQ(joined, 1);
        }
    }(r));
}

} // namespace
