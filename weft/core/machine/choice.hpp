// Where scheduling leaves open what comes next, the machine takes what is nearest: the first of a queue, the oldest of equal
// timers, the neighbour. The seeded machine asks port::choose() instead, so that a world with a seed can try every order.
//
// The seeded machine is the machine's own files that include this page, compiled once more with WEFT_SEEDED and linked in place
// of the plain ones; so nothing outside of those files may depend on it, and the plain machine neither counts nor calls.
//
// Open are: which ready job of one priority is next, whether the queue or the steal deque has the turn, how long a branch of the
// queue runs before others have their turns (up to branch::full_credit), the order of jobs handed in from outside, of timers with equal
// deadlines, and whom a worker steals from. What completes in one poll only becomes ready, so that the first of these covers it.
// Not open are priorities, deadlines, the order in which a primitive serves its waiters, and the bounds against starvation.
#pragma once

#include <cstddef>

#include <weft/core/machine/job.hpp>
#include <weft/core/port.hpp>

namespace weft {

#if defined(WEFT_SEEDED)
inline constexpr bool seeded = true;
#else
inline constexpr bool seeded = false;
#endif

// One of [0, n).
inline std::size_t pick(std::size_t n) noexcept {
    if constexpr (seeded)
        return port::choose(n);
    else
        return static_cast<void>(n), 0;
}

// Of longer queues the seeded machine chooses among the first so many, so that a choice takes a bounded time.
inline constexpr std::size_t chosen_among = 16;

// The jobs of a chain in any order.
inline job* shuffled(job* chain) noexcept {
    job* done = nullptr;
    while (chain) {
        std::size_t n = 0;
        for (job* j = chain; j && n < chosen_among; j = j->next) ++n;
        job** at = &chain;
        for (std::size_t i = pick(n); i != 0; --i) at = &(*at)->next;
        job* j = *at;
        *at = j->next;
        j->next = done;
        done = j;
    }
    return done;
}

} // namespace weft
