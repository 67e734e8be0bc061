// What an executor keeps for the branches that have their home on it.
#pragma once

#include <weft/core/machine/continuation.hpp>

namespace weft {

class executor;
class scope_base;

// Stands in for a frame in a turn of one executor.
struct turn_end : continuation {
    executor* here;
};

// For the home context.
struct branch_home {
    explicit branch_home(executor& e) noexcept
        : finisher{{&finish, &link_marker}, &e}, deferrer{{&defer, &link_marker}, &e} {}
    ~branch_home() { give_back_spare(); }
    branch_home(const branch_home&) = delete;
    branch_home& operator=(const branch_home&) = delete;

    // Provides a spare header. False without memory.
    bool reserve() noexcept;
    // Gives the spare headers back to the port. Bounded by the most branches that were alive at once.
    void give_back_spare() noexcept;

    branch* spare = nullptr; // headers, linked by job::next
    // In place of the branch whose turn it is: after the root's end, tells its scope, outside of the finished frame.
    turn_end finisher;
    // With the credit used up: puts the branch back into its queue.
    turn_end deferrer;
    // Scopes whose stop is being delivered, see stop_delivery.cpp: a list in place of recursion.
    scope_base* stopping = nullptr;
    bool delivering = false;

  private:
    static void finish(continuation* self);
    static void defer(continuation* self);
};

} // namespace weft
