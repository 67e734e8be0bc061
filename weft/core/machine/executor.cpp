#include <weft/core/machine/executor.hpp>

#include <weft/core/machine/branch.hpp>
#include <weft/core/machine/choice.hpp>
#include <weft/core/machine/steal_deque.hpp>

namespace weft {

namespace {

// Bounds against starvation, all of them: how often what goes ahead lets the queue, or the deque, have its turn.
//
// Of the branches that may go ahead of their queue, one in so many goes to its back, and the queue gets its turn.
constexpr std::uint32_t turns_ahead = 16;
// Of the turns, while operands or forked children wait to be begun, one in so many is the queue's.
constexpr std::uint32_t stealable_turns = 8;
// A branch that has used up its credit while operands wait goes on before them, so that a tree of operands is worked
// through depth first, and no more branches are begun than have to be. One time in so many the first of the queue has a
// turn in between; and one in so many an operand is begun, in case that the branch never ends.
constexpr std::uint32_t credits_a_turn = 4;
constexpr std::uint32_t credits_an_operand = 256;

// The next of a queue: see choice.hpp.
template <bool mapped> WEFT_INLINE inline job* take_next(run_queue& q) noexcept {
    queue_section section;
    if constexpr (seeded) {
        std::size_t n = q.count(chosen_among);
        return n ? q.pop_at(pick(n)) : nullptr;
    } else {
        return q.pop<mapped>();
    }
}

// How long the branch runs before the others have their turns: mostly for very little, so that each place where it may be
// interrupted is tried.
[[maybe_unused]] void choose_credit(job& j) noexcept {
    if (j.is_message()) return;
    bool short_turn = pick(4) != 0;
    static_cast<branch&>(j).refill(static_cast<std::uint8_t>(1 + pick(short_turn ? 4 : branch::full_credit)));
}

} // namespace

executor::executor(run_queue* levels, std::size_t count) noexcept
    : levels_(levels), count_(static_cast<std::uint32_t>(count)) {
    if (count == 0 || count > max_levels) port::panic("an executor has 1 to 32 levels");
    for (std::uint32_t i = 0; i < count_; ++i) {
        levels_[i].owner = this;
        levels_[i].bit = one_hart || count_ == 1 ? 0 : std::uint32_t{1} << i;
        levels_[i].map = &own_map_;
    }
}

void executor::place_bitmap(std::uint32_t& word) noexcept {
    for (std::uint32_t i = 0; i < count_; ++i) levels_[i].map = &word;
}

void executor::push_all(job* oldest) noexcept {
    while (oldest) {
        job* rest = oldest->next;
        oldest->home().push(*oldest);
        oldest = rest;
    }
}

void executor::push_next(job& j) noexcept {
    run_queue& q = j.home();
    if (q.empty() || ++ahead_ % turns_ahead == 0) {
        q.push(j);
        return;
    }
    queue_section section; // an interrupt may add to its other end
    q.push_front(j);
}

void executor::push_ahead(job& j) noexcept {
    run_queue& q = j.home();
    if (!has_stealable) return q.push(j);
    ++queue_turns_;
    if (q.empty()) return q.push(j);
    q.push_front(j);
}

void executor::push_deferred(job& j) noexcept {
    if (!has_stealable) return push_next(j);
    run_queue& q = *levels_;
    queue_turns_ = 1;
    if (++ahead_ % credits_an_operand == 0) {
        queue_turns_ = 0;
        stealable_turns_ = stealable_turns - 2; // one, and then the queue
    } else if (ahead_ % credits_a_turn == 0 && !q.empty()) {
        queue_turns_ = 2;
        return q.push_second(j);
    }
    q.push_front(j);
}

run_queue* executor::first_ready() const noexcept {
    if constexpr (one_hart) {
        for (std::uint32_t i = 0; i < count_; ++i)
            if (!levels_[i].empty()) return levels_ + i;
        return nullptr;
    }
    if (count_ == 1) return levels_->empty() ? nullptr : levels_;
    return *levels_->map ? levels_ + __builtin_ctz(*levels_->map) : nullptr;
}

template <bool several_levels> void executor::run_ready(std::size_t budget) {
    run_queue* q = levels_;
    for (; budget; --budget) {
        if constexpr (several_levels) {
            q = first_ready();
            if (!q) return;
        } else if (has_stealable) [[unlikely]] {
            if (run_stealable()) continue;
        }
        job* j = take_next<several_levels>(*q);
        if (!j) return;
        if constexpr (seeded) choose_credit(*j);
        give_turn(*j);
    }
}

// While something stands in the deque.
bool executor::is_turn_of_queue() noexcept {
    if (levels_->empty()) return false;
    if constexpr (seeded) return pick(2) == 0;
    if (queue_turns_ != 0) {
        --queue_turns_;
        return true;
    }
    return ++stealable_turns_ % stealable_turns == 0;
}

// Begins the newest of the deque. False: it is the queue's turn, or there is none.
bool executor::run_stealable() {
    if (is_turn_of_queue()) return false;
    continuation* f = stealable->pop();
    if (!f) {
        has_stealable = false;
        queue_turns_ = 0;
        return false;
    }
    begin_stealable(*f, *this);
    return true;
}

bool executor::run(std::size_t budget) {
    WEFT_CHECK_INVARIANT(!running_, "an executor was run within one of its own turns");
    if constexpr (!one_hart) {
        if (inbox_.has_any()) {
            job* came = inbox_.take();
            push_all(seeded ? shuffled(came) : came);
        }
    }
    if (count_ == 1)
        run_ready<false>(budget);
    else
        run_ready<true>(budget);
    running_ = nullptr;
    return has_ready();
}

} // namespace weft
