#include <weft/core/machine/timer_heap.hpp>

#include <weft/core/testing.hpp>
#include <weft/core/testing_timers.hpp>

namespace {

namespace timers = weft::testing::timers;
using weft::timer_heap;

WEFT_TEST(timer_heap, fires_in_the_order_of_the_deadlines) {
    WEFT_CHECK(timers::random_rounds<timer_heap>(40, timers::count));
}

WEFT_TEST(timer_heap, equal_deadlines_fire_in_the_order_of_insertion) {
    WEFT_CHECK(timers::equal_deadlines_in_order<timer_heap>());
}

WEFT_TEST(timer_heap, a_timer_that_fires_may_change_the_queue) {
    WEFT_CHECK(timers::a_timer_that_fires_may_change_the_queue<timer_heap>());
}

} // namespace
