// What the executors that share work have in common: who has nothing to do, and what each has in excess.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/machine/executor.hpp>
#include <weft/core/machine/steal_deque.hpp>

namespace weft {

class team_member;

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

    void announce(std::uintptr_t bit) noexcept { bits_.fetch_or(bit, order::seq_cst); }
    void withdraw(std::uintptr_t bit) noexcept {
        if (bits_.load(order::relaxed) & bit) bits_.fetch_and(~bit, order::acq_rel);
    }
    bool any_but(std::uintptr_t bit) const noexcept { return (bits_.load(order::seq_cst) & ~bit) != 0; }
    // The index of one that is to be woken, and does not count as sleeping any more.
    std::size_t take_one_but(std::uintptr_t bit) noexcept {
        for (std::uintptr_t left = bits_.load(order::seq_cst) & ~bit; left; left &= left - 1) {
            auto index = static_cast<unsigned>(__builtin_ctzll(std::uint64_t{left}));
            std::uintptr_t one = std::uintptr_t{1} << index;
            if (bits_.fetch_and(~one, order::acq_rel) & one) return index;
        }
        return nobody;
    }

  private:
    Atomic<std::uintptr_t> bits_{0};
};

struct team {
    static constexpr std::size_t max_members = 8 * sizeof(void*);

    basic_sleepers<atomic> sleepers;
    team_member* members[max_members] = {};
    std::size_t count = 0;
    // A fence that all threads of the process pass; nullptr where one thread turns all members. See steal_deque.
    void (*fence)() noexcept = nullptr;
};

// An executor that may be one of several which share work. All members are for its own context but where noted.
class team_member : public executor {
  public:
    using executor::executor;

    // As member `index`, before any of the team turns.
    void join(team& t, std::size_t index) noexcept;
    bool is_member() const noexcept { return team_ != nullptr; }

    // Offers up to `most` of what is ready, if there is any to spare and nothing is on offer.
    void offer_surplus(std::size_t most) noexcept;
    // There is something that another could take.
    bool offers_anything() const noexcept { return offered_ || (stealable && !stealable->empty()); }
    bool has_offered() const noexcept { return offered_; }
    // What nobody has wanted is this one's again. False: there is none.
    bool take_back() noexcept;
    // Takes back what nobody has wanted, or what another offers, or begins the oldest of what stands in another's deque: the
    // largest, as a rule. False: there is nothing to be had.
    bool steal();
    // Somebody offers ready branches.
    bool could_steal() const noexcept;

    // Between the two it counts as having nothing to do.
    void announce_sleep() noexcept { team_->sleepers.announce(bit_); }
    void withdraw_sleep() noexcept { team_->sleepers.withdraw(bit_); }
    bool others_sleep() const noexcept { return team_->sleepers.any_but(bit_); }
    // One that is to be woken, and does not count as sleeping any more; nullptr if all are busy.
    team_member* take_sleeper() noexcept;

  private:
    bool steal_from(team_member& victim);

    team* team_ = nullptr;
    std::uintptr_t bit_ = 0;
    std::size_t victim_ = 0; // where something was to be stolen the last time
    bool offered_ = false;   // since it was taken back last
    alignas(sizeof(void*) == 8 ? 64 : sizeof(void*)) basic_offer<atomic> offer_;
};

} // namespace weft
