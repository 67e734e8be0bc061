// Runs the core's tests on the hand-turned port.
#include <memory>

#include <weft/core/sweep.hpp>
#include <weft/core/testing.hpp>
#include <weft/ports/hand/hand.hpp>

namespace weft::testing {

// A fresh executor, so that nothing of a run before decides how this one goes.
run_queue& begin() {
    hand::world& w = hand::the_world();
    std::destroy_at(&w.executor);
    std::construct_at(&w.executor);
    return w.executor.level();
}

void turn(root_base& until) {
    if (!hand::turn() && !until.finished()) port::panic("the test waits for something that never comes");
}

void end() { hand::the_world().executor.branches.give_back_spare(); }

void limit_turn(std::size_t jobs) noexcept {
    hand::the_world().batch = jobs ? jobs : hand::world::full_batch;
}

void fail_allocation(std::size_t number) noexcept {
    hand::the_world().fail_allocation = number;
    hand::the_world().allocations = 0;
}
std::size_t allocations() noexcept { return hand::the_world().allocations; }
std::size_t live_objects() noexcept {
    return hand::the_world().live_frames + hand::the_world().live_branches;
}

} // namespace weft::testing
