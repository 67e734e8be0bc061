// A coroutine that GCC 12 lays out wrongly says so when it is made, instead of running wild.
#include <gtest/gtest.h>

#include <weft/core/event.hpp>
#include <weft/core/sleep.hpp>
#include <weft/runtime/run.hpp>

namespace {

using namespace std::chrono_literals;
using weft::task;

// The shape: no named local, and a co_await in a condition.
task<bool> condition_without_a_local() {
    if (co_await weft::sleep_for(1ms)) co_return true;
    co_return false;
}
task<bool> loop_without_a_local(unsigned long& n) {
    while (n > 0) {
        if (!co_await weft::sleep_for(1ms)) co_return false;
        --n;
    }
    co_return true;
}
// The way out: the result has a name.
task<bool> condition_with_a_name() {
    weft::result<void> slept = co_await weft::sleep_for(1ms);
    if (slept) co_return true;
    co_return false;
}
// No local and no condition.
task<> nothing_at_all() { co_return; }
task<> awaits_and_drops() { (void)co_await weft::sleep_for(1ms); }

TEST(frame_layout, a_wrong_one_is_found_when_the_coroutine_is_made) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    unsigned long n = 3;
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ == 12
    EXPECT_DEATH((void)weft::run(condition_without_a_local()), "laid out a coroutine's frame wrongly");
    EXPECT_DEATH((void)weft::run(loop_without_a_local(n)), "laid out a coroutine's frame wrongly");
#else
    EXPECT_TRUE(weft::run(condition_without_a_local()));
    EXPECT_TRUE(weft::run(loop_without_a_local(n)));
#endif
}

TEST(frame_layout, is_right_with_a_name_or_without_a_condition) {
    EXPECT_TRUE(weft::run(condition_with_a_name()));
    weft::run(nothing_at_all());
    weft::run(awaits_and_drops());
}

} // namespace
