// The children of a scope, linked through their headers.
//
// Invariants:
//   - A branch stands in one list at most, from when it is begun to when its header goes. A forked child that nobody has begun
//     stands in none: its link words are its listener meanwhile, see branch_place.
//   - New ones join at the front. So whoever walks a list from the front to the back, with pauses, sees all that were there when
//     he began and are there still.
//
//                    spawned at home                     spawned elsewhere
//                          |                                    |
//                          v    joined, moved to a worker       v
//     nowhere --------> local ---------------------------->  remote ---> gone
//     (forked)  begun      |                                   ^
//         |                 '------------> gone                 |
//         '--- stolen: the thief's branch stands here ----------'
//
// Local children are their home's alone, and no lock is taken for their list. The list of the remote ones is everybody's, under
// the scope's guard.
#pragma once

#include <weft/core/machine/branch.hpp>

namespace weft {

class child_list {
  public:
    branch* first() const noexcept { return first_; }

    WEFT_INLINE void add(branch& child) noexcept {
        child.previous = nullptr;
        child.following = first_;
        if (first_) first_->previous = &child;
        first_ = &child;
    }
    WEFT_INLINE void remove(branch& child) noexcept {
        if (child.previous)
            child.previous->following = child.following;
        else
            first_ = child.following;
        if (child.following) child.following->previous = child.previous;
    }

  private:
    branch* first_ = nullptr;
};

// A list that one walker at a time goes through with pauses, in which others may add and remove.
class walked_child_list : public child_list {
  public:
    void remove(branch& child) noexcept {
        if (ahead_ == &child) [[unlikely]]
            ahead_ = child.following;
        child_list::remove(child);
    }
    void begin_walk() noexcept { ahead_ = first(); }
    // The next; nullptr at the end.
    branch* walk() noexcept {
        branch* b = ahead_;
        if (b) ahead_ = b->following;
        return b;
    }

  private:
    branch* ahead_ = nullptr; // of the walker
};

} // namespace weft
