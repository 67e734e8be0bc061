// An intrusive heap of timers with the exact next deadline: the timer queue of chips, where every needless alarm costs.
#pragma once

#include <cstdint>

#include <weft/core/machine/timer.hpp>

namespace weft {

// A pairing heap: insert is O(1), taking out O(log n) amortised, 4 or 8 bytes in all beside the nodes, which stay where
// they are. Timers fire in the order of their deadlines, those that were inserted with equal ones first in, first out.
// One context only.
class timer_heap {
  public:
    static constexpr std::int64_t never = INT64_MAX;

    constexpr timer_heap() noexcept = default;
    timer_heap(const timer_heap&) = delete;
    timer_heap& operator=(const timer_heap&) = delete;

    // A deadline in the past fires at the next advance(). True: next_deadline() is this one's now.
    bool insert(timer& t) noexcept;
    // No effect on a timer that is in no queue. O(log n) amortised, and a look at each sibling and child.
    void remove(timer& t) noexcept;
    // Takes out the next one; there is one.
    timer& pop() noexcept;
    // Takes out every timer with a deadline up to `now` and calls expire() on each; those may insert and remove timers.
    // Returns how many fired.
    std::size_t advance(std::int64_t now) noexcept;
    // When advance() next has something to do; `never` if empty.
    std::int64_t next_deadline() const noexcept {
        return root_ ? static_cast<timer&>(*root_).deadline : never;
    }
    bool empty() const noexcept { return root_ == nullptr; }

  private:
    void set_root(timer_links* t) noexcept;

    timer_links* root_ = nullptr;
};

} // namespace weft
