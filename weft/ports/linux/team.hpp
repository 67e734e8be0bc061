// What the workers that share work have in common: who has nothing to do, and what each has in excess.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>
#include <weft/core/machine/branch.hpp>

namespace weft {

class worker;

// Ready branches that a worker has in excess, linked by `next`, the oldest first. The worker's queue is its own, without
// atomics; what it offers, anyone may take, also while the worker is busy with a job that does not end. Thread-safe.
//
// Why nobody sleeps beside an offer: put() and announce() are exchanges of one order that all threads see. Whoever offers
// looks for sleepers afterwards, and whoever goes to sleep looks for offers afterwards. Of an offer and an announcement one
// comes first; so the later of the two is followed by a look that sees the earlier. If it is the sleeper's, it does not
// sleep. If it is the other's, it takes the announcement and knocks, which ends the sleep, or the one that is to come. An
// announcement is taken by one only, so that nobody is woken twice.
//
// `Atomic` is what it is for all but the model that tries every order of events.
template <template <class> class Atomic> class basic_offer {
  public:
    // For the worker, when nothing is offered.
    void put(job& oldest) noexcept { oldest_.exchange(&oldest, order::seq_cst); }
    // All of it; nullptr if there is nothing. What its worker has done to the branches is seen by who takes them.
    job* take() noexcept {
        return oldest_.load(order::relaxed) ? oldest_.exchange(nullptr, order::acq_rel) : nullptr;
    }
    bool empty() const noexcept { return oldest_.load(order::seq_cst) == nullptr; }

  private:
    Atomic<job*> oldest_{nullptr};
};

// A bit for each worker that has nothing to do. Thread-safe.
template <template <class> class Atomic> class basic_sleepers {
  public:
    static constexpr std::size_t nobody = SIZE_MAX;

    void announce(std::uint64_t bit) noexcept { bits_.fetch_or(bit, order::seq_cst); }
    void withdraw(std::uint64_t bit) noexcept {
        if (bits_.load(order::relaxed) & bit) bits_.fetch_and(~bit, order::acq_rel);
    }
    bool any_but(std::uint64_t bit) const noexcept { return (bits_.load(order::seq_cst) & ~bit) != 0; }
    // The index of one that is to be woken, and does not count as sleeping any more.
    std::size_t take_one_but(std::uint64_t bit) noexcept {
        for (std::uint64_t left = bits_.load(order::seq_cst) & ~bit; left; left &= left - 1) {
            auto index = static_cast<unsigned>(__builtin_ctzll(left));
            std::uint64_t one = std::uint64_t{1} << index;
            if (bits_.fetch_and(~one, order::acq_rel) & one) return index;
        }
        return nobody;
    }

  private:
    Atomic<std::uint64_t> bits_{0};
};

struct worker_team {
    static constexpr std::size_t max_workers = 64;

    basic_sleepers<atomic> sleepers;
    worker* members[max_workers] = {};
    std::size_t count = 0;
};

} // namespace weft
