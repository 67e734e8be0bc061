// Where other threads and interrupts hand jobs to an executor: a lock-free stack, which the home empties in one go.
//
// States of the one word, and who leads from one to the next:
//
//            post()                    post()
//     empty --------> newest job ... ----------> newest job
//       |  <-------------- take() by the home ------'
//       | prepare_sleep() by the home
//       v
//     asleep -- post() --> newest job      the poster rings the port, once
//       '-- wake_up() by the home --> empty
//
// No wake is lost: the home goes to sleep only if its exchange finds the word empty, and whoever replaces `asleep` rings.
#pragma once

#include <weft/core/machine/job.hpp>

namespace weft {

class inbox {
  public:
    // Any context. True: the home slept, and is to be rung for.
    bool post(job& j) noexcept {
        job* old = newest_.load(order::relaxed);
        do {
            j.next = old == asleep() ? nullptr : old;
            // acq_rel: the ring must not be decided on an older value than the one replaced.
        } while (!newest_.compare_exchange(old, &j, order::acq_rel));
        return old == asleep();
    }

    // The rest is for the home.
    WEFT_INLINE bool has_any() const noexcept { return newest_.load(order::relaxed) != nullptr; }
    // All, linked by `next`, in the order in which they came.
    job* take() noexcept {
        job* newest = newest_.exchange(nullptr, order::acquire);
        if (newest == asleep()) return nullptr;
        job* oldest = nullptr; // the stack holds the newest first: turn it round
        while (newest) {
            job* rest = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = rest;
        }
        return oldest;
    }
    // False: something has come.
    bool prepare_sleep() noexcept {
        job* none = nullptr;
        return newest_.compare_exchange(none, asleep(), order::acq_rel);
    }
    // True: somebody has posted, and has rung or is about to.
    bool wake_up() noexcept {
        job* old = asleep();
        return !newest_.compare_exchange(old, nullptr, order::acq_rel);
    }

  private:
    static job* asleep() noexcept { return reinterpret_cast<job*>(std::uintptr_t{1}); }

    atomic<job*> newest_{nullptr};
};

} // namespace weft
