// The smallest port: no OS, one executor, a clock turned by hand. The core's tests run on it, and it is the example to
// read before writing a port.
#pragma once

#include <weft/core/machine/executor.hpp>
#include <weft/core/machine/steal_deque.hpp>
#include <weft/core/machine/timer_wheel.hpp>

namespace weft::hand {

// The one world of this port.
struct world {
    world() noexcept { executor.stealable = &stealable; }

    weft::executor executor;
    steal_deque stealable;
    weft::timer_wheel timers{0};
    std::int64_t now = 0;
    bool rung = false;
    // How many jobs a turn runs at most.
    static constexpr std::size_t full_batch = 64;
    std::size_t batch = full_batch;
    // Fault injection: the allocation with this number (1 is the next) yields nullptr; 0: none.
    std::size_t fail_allocation = 0;
    std::size_t allocations = 0;
    std::size_t live_frames = 0;
    std::size_t live_branches = 0;
};
world& the_world() noexcept;

// Runs what is ready; if nothing is, moves the clock to the next deadline. False if nothing is left to do.
bool turn();

// Sets the clock forward by `nanoseconds`, firing timers at their own moments, and runs what becomes ready.
void advance(std::int64_t nanoseconds);

} // namespace weft::hand
