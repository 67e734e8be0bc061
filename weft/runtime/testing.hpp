// For tests of runtimes: nothing may be left of a test, and work that takes its time.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>

#include <weft/ports/host/memory.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft::testing {

// A fixture on top of `Base`, testing::Test or what takes parameters.
template <class Base> class leaves_nothing : public Base {
  protected:
    void SetUp() override { before_ = memory::measure(); }
    void TearDown() override {
        memory::usage after = memory::measure();
        EXPECT_EQ(after.live_frames, before_.live_frames);
        EXPECT_EQ(after.live_branches, before_.live_branches);
    }

  private:
    memory::usage before_{};
};

// What must hold with any number of workers, which is the parameter.
class on_workers : public leaves_nothing<::testing::TestWithParam<std::size_t>> {
  protected:
    static runtime_options workers(worker_mode mode = worker_mode::work_sharing) {
        runtime_options o;
        o.threads = GetParam();
        o.mode = mode;
        return o;
    }

    // tree(depth, n) is a tree of tasks that yields the number of its leaves, and errc::busy if its n-th leaf fails.
    static void expect_failures_to_come_up(task<result<int>> (*tree)(int depth, int failing)) {
        auto body = [tree]() -> task<int> {
            int right = 0;
            for (int leaf = 0; leaf < 128; ++leaf) {
                auto outcome = co_await tree(7, leaf);
                right += !outcome && outcome.error() == errc::busy;
            }
            auto whole = co_await tree(7, -1);
            co_return whole && *whole == 128 ? right : -1;
        };
        runtime r(workers());
        EXPECT_EQ(r.run(body()), 128);
    }
};

// Keeps the calling thread's CPU busy.
inline void burn(std::chrono::microseconds how_long) {
    auto end = std::chrono::steady_clock::now() + how_long;
    while (std::chrono::steady_clock::now() < end) {}
}

} // namespace weft::testing
