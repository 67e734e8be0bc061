// A hierarchical timing wheel with ticks of one nanosecond: the timer queue of hosts.
#pragma once

#include <cstdint>

#include <weft/core/machine/timer.hpp>

namespace weft {

// Eleven levels of 64 slots cover all of 64-bit time. Insert and remove are O(1); a timer moves down at most once a level,
// and in practice two or three times, since whatever falls due between two turns is fired from the level where it stands.
// Timers fire in the order of their deadlines, equal ones in the order of insertion where they meet in one slot.
// 11 kB on 64-bit hosts. One context only.
class timer_wheel {
  public:
    static constexpr std::int64_t never = INT64_MAX;

    explicit timer_wheel(std::int64_t now) noexcept : now_(now < 0 ? 0 : now) {
        for (timer_links& end : slots_) end.next = end.previous = &end;
    }
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    // A deadline in the past fires at the next advance().
    void insert(timer& t) noexcept;
    // No effect on a timer that is in no queue.
    void remove(timer& t) noexcept;
    // Takes out every timer with a deadline up to `now` and calls expire() on each; those may insert and remove timers.
    // A `now` before the last one counts as the last one. Returns how many fired.
    // At most about `most` fire; the rest is left for the next call, so that what they wake can run while it is in the
    // caches.
    std::size_t advance(std::int64_t now, std::size_t most = SIZE_MAX) noexcept;
    // When advance() next has something to do: exact for up to 16 timers in the slot, never late; `never` if empty.
    std::int64_t next_deadline() const noexcept;
    bool empty() const noexcept { return levels_in_use_ == 0; }

  private:
    static constexpr int bits = 6;
    static constexpr int slots = 1 << bits;
    static constexpr int level_count = 11;

    void place(timer& t) noexcept;
    timer* take_slot(int level, int slot) noexcept;
    static timer* sorted(timer* list) noexcept;
    static std::size_t fire(timer* due) noexcept;
    void move_down(timer* list) noexcept;
    std::uint64_t first_moment(int level, int slot) const noexcept;

    std::int64_t now_;
    std::uint32_t levels_in_use_ = 0;
    std::uint64_t in_use_[level_count] = {};
    timer_links slots_[level_count * slots]; // both ends of a ring each, first in first out
};

} // namespace weft
