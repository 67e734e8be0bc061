// The ready jobs of one priority, and the only type that links them.
//
// Invariants:
//   - Each job stands in the queue once, and its `next` is the queue's as long as it does.
//   - `tail_` points to the last one's `next`, or to `head_` where there is none.
//   - Of an executor with several levels, `bit` is set in `*map` exactly while the queue has jobs. With one hart there is no
//     map: interrupts would have to be masked for it.
//   - Only the home's context touches it. With one hart, interrupts push as well: there whoever touches it holds port::lock().
//
// Jobs join at the back, or near the front where the executor's rules say so. Which one leaves next is open as long as the
// bounds against starvation hold: the machine takes the first; the seeded machine asks port::choose().
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/machine/check.hpp>
#include <weft/core/machine/job.hpp>
#include <weft/core/port.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft {

class executor;

class run_queue {
    job* head_ = nullptr; // first: of an executor with one level, it stands where the executor does
    job** tail_ = &head_;

  public:
    run_queue() noexcept = default;
    run_queue(const run_queue&) = delete;
    run_queue& operator=(const run_queue&) = delete;

    executor* owner = nullptr;
    // Its bit in the bitmap; 0 where the executor has this one level only. With one hart, this is what a push hands to
    // port::raise(): of an executor in an interrupt, while it does not run; else 0.
    std::uint32_t bit = 0;
    std::uint32_t* map = nullptr;

    WEFT_INLINE bool empty() const noexcept { return head_ == nullptr; }

    // To the back.
    WEFT_INLINE void push(job& j) noexcept {
        if constexpr (one_hart) return push_unlocking(j, port::lock());
        j.next = nullptr;
        WEFT_CHECK_INVARIANT(!holds(j), "a job joined a run queue in which it stands");
        *tail_ = &j;
        tail_ = &j.next;
        if (bit) *map |= bit;
    }
    // With one hart, the same by someone who holds port::lock(), and gives it back hereby.
    WEFT_INLINE void push_unlocking(job& j, std::uintptr_t saved) noexcept {
        j.next = nullptr;
        push_last_unlocking(j, saved);
    }
    // The same for one whose `next` is nullptr.
    WEFT_INLINE void push_last_unlocking(job& j, std::uintptr_t saved) noexcept {
        *tail_ = &j;
        tail_ = &j.next;
        if (bit) [[unlikely]]
            port::raise(bit);
        port::unlock(saved);
    }
    // To the front, and behind the first; in a queue that has jobs.
    WEFT_INLINE void push_front(job& j) noexcept { insert(&head_, j); }
    WEFT_INLINE void push_second(job& j) noexcept { insert(&head_->next, j); }

    // The first; nullptr if there is none. `mapped`: the level is one of several.
    template <bool mapped> WEFT_INLINE job* pop() noexcept {
        job* j = head_;
        if (!j) return nullptr;
        head_ = j->next;
        if (!head_) ran_empty<mapped>();
        return j;
    }
    // The one behind `i` others, for the seeded machine; there is one.
    job* pop_at(std::size_t i) noexcept;
    // Whether it stands among the first thousand; for checks.
    bool holds(const job& j) const noexcept {
        std::size_t left = 1000;
        for (const job* at = head_; at && left; at = at->next, --left)
            if (at == &j) return true;
        return false;
    }
    // How many there are, counted up to `most`.
    std::size_t count(std::size_t most) const noexcept;

    // Takes out every other job, beginning with the second, as far as `may_leave` lets them go, so that both halves keep their
    // order and their age: at most `most`, linked by `next`, the oldest first; nullptr if there is none.
    job* take_every_other(std::size_t most, bool (*may_leave)(job&) noexcept) noexcept;

    // Several that join the back one after the other, in a loop that has nothing else to do with the queue: what it stores in
    // between it keeps in a register. Of an executor with one level that no interrupt pushes to.
    class appender {
      public:
        WEFT_INLINE explicit appender(run_queue& q) noexcept : queue_(q), tail_(q.tail_) {}
        appender(const appender&) = delete;
        appender& operator=(const appender&) = delete;
        WEFT_INLINE void add(job& j) noexcept {
            *tail_ = &j;
            tail_ = &j.next;
        }
        // What was added stands in the queue. Before anybody else touches it; reopen() is for what comes after.
        WEFT_INLINE void close() noexcept {
            *tail_ = nullptr;
            queue_.tail_ = tail_;
        }
        WEFT_INLINE void reopen() noexcept { tail_ = queue_.tail_; }

      private:
        run_queue& queue_;
        job** tail_;
    };

  private:
    WEFT_INLINE void insert(job** at, job& j) noexcept {
        WEFT_CHECK_INVARIANT(!holds(j), "a job joined a run queue in which it stands");
        j.next = *at;
        *at = &j;
        if (!j.next) tail_ = &j.next;
    }
    template <bool mapped> WEFT_INLINE void ran_empty() noexcept {
        tail_ = &head_;
        if constexpr (mapped && !one_hart) *map &= ~bit;
    }
    void take_out(job** at) noexcept;
};

} // namespace weft
