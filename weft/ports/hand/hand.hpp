// The smallest port: no OS, one thread, a clock turned by hand. The core's tests run on it, and it is the example to
// read before writing a port. Linked with the seeded machine (core/machine/choice.hpp), it tries the orders that a seed names.
#pragma once

#include <weft/core/machine/root.hpp>
#include <weft/core/machine/steal_deque.hpp>
#include <weft/core/machine/team.hpp>
#include <weft/core/machine/timer_wheel.hpp>

namespace weft::hand {

// What each executor of this port is.
class member : public team_member {
  public:
    member() noexcept { stealable = &deque_; }
    timer_wheel timers{0};

  private:
    steal_deque deque_;
};

// The one world of this port.
struct world {
    member executor;
    member* current = &executor; // whose turn it is
    std::int64_t now = 0;
    // How many jobs a turn runs at most.
    static constexpr std::size_t full_batch = 64;
    std::size_t batch = full_batch;
    // Fault injection: the allocation with this number (1 is the next) yields nullptr; 0: none.
    std::size_t fail_allocation = 0;
    std::size_t allocations = 0;
    std::size_t live_frames = 0;
    std::size_t live_branches = 0;
    std::uint64_t random_state = 1;
    const char* panicked = nullptr; // with which words, for whoever hears the trap
};
world& the_world() noexcept;

// From now on choices and random bits follow from `value`: the same ones give the same run.
void seed(std::uint64_t value) noexcept;

// Runs what is ready; if nothing is, moves the clock to the next deadline. False if nothing is left to do.
bool turn();

// Runs a task to its end and yields its value. Panics if it waits for something that never comes.
template <class T> T run(task<T> t) {
    root<T> r(std::move(t));
    r.start(the_world().executor.level());
    while (!r.finished())
        if (!turn() && !r.finished()) port::panic("the task waits for something that never comes");
    return r.take();
}

// Sets the clock forward by `nanoseconds`, firing timers at their own moments, and runs what becomes ready.
void advance(std::int64_t nanoseconds);

// Several executors that share work, as the workers of a host do, in one thread: which of them has the next turn is a choice.
class crew {
  public:
    static constexpr std::size_t max_members = 8;

    explicit crew(std::size_t members) noexcept; // 1 to max_members
    ~crew();
    member& operator[](std::size_t i) noexcept { return members_[i]; }
    // As hand::turn(), for one job of one of them.
    bool turn();

  private:
    bool turn_of(member& m);

    team team_;
    std::size_t count_;
    member members_[max_members];
};

} // namespace weft::hand
