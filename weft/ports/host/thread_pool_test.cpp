#include <weft/ports/host/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>

namespace {

using weft::pool_work;
using weft::thread_pool;

struct work : pool_work {
    work() : pool_work(&run_it) {}
    static void run_it(pool_work& self) noexcept {
        auto& w = static_cast<work&>(self);
        if (w.gate) w.gate->wait();
        w.count->fetch_add(1);
    }
    std::atomic<int>* count = nullptr;
    std::latch* gate = nullptr;
};

TEST(thread_pool, runs_everything_and_finishes_what_is_queued) {
    std::atomic<int> count{0};
    std::vector<work> all(10'000);
    {
        thread_pool pool(3);
        EXPECT_EQ(pool.threads(), 0u) << "threads start when there is work";
        for (work& w : all) {
            w.count = &count;
            pool.submit(w);
        }
        EXPECT_LE(pool.threads(), 3u);
    }
    EXPECT_EQ(count.load(), 10'000);
}

TEST(thread_pool, takes_out_what_has_not_begun) {
    std::atomic<int> count{0};
    std::latch gate(1);
    work first, second, third;
    thread_pool pool(1);
    for (work* w : {&first, &second, &third}) w->count = &count;
    first.gate = &gate;
    pool.submit(first);
    pool.submit(second);
    pool.submit(third);
    EXPECT_TRUE(pool.cancel(second));
    EXPECT_FALSE(pool.cancel(second));
    while (pool.queued() != 1) std::this_thread::yield();
    EXPECT_FALSE(pool.cancel(first)) << "it runs";
    gate.count_down();
    while (count.load() != 2) std::this_thread::yield();
    EXPECT_EQ(pool.threads(), 1u);
}

TEST(thread_pool, starts_no_more_threads_than_it_may) {
    std::atomic<int> count{0};
    std::latch gate(1);
    std::vector<work> all(8);
    thread_pool pool(4);
    for (work& w : all) {
        w.count = &count;
        w.gate = &gate;
        pool.submit(w);
    }
    EXPECT_EQ(pool.threads(), 4u);
    gate.count_down();
    while (count.load() != 8) std::this_thread::yield();
}

} // namespace
