// The executor: gives ready jobs their turns on one thread of execution.
//
// Its jobs stand in a run queue a priority, under one bitmap; other threads and interrupts hand theirs in through an inbox. What
// a combinator or a scope keeps for later, and other workers may steal, stands in a steal deque beside the queue. Of what these
// jobs are it knows only that they are resumed.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/machine/branch_home.hpp>
#include <weft/core/machine/inbox.hpp>
#include <weft/core/machine/run_queue.hpp>

namespace weft {

class steal_deque;

// The port owns it and turns it: see core/port.hpp. All members are for the home context but where noted.
class executor {
    run_queue single_; // first: what its end points to when it is empty is where the executor stands

  public:
    static constexpr std::size_t max_levels = 32;

    // One level.
    executor() noexcept : executor(&single_, 1) {}
    // `count` levels (1 to max_levels) in memory of the caller's that outlives the executor; level 0 goes first.
    executor(run_queue* levels, std::size_t count) noexcept;
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;

    // Several workers share its scopes: guards are taken, and stops travel as messages. Set before first use.
    bool shared = false;
    // Where operands of combinators and forked children wait to be begun, newest first, ahead of the queue though not at its
    // cost; nullptr: they are begun by way of the queue. For executors with one level. Set before first use.
    steal_deque* stealable = nullptr;
    // False: the deque is empty.
    bool has_stealable = false;

    // The queue for a priority, 0 the highest; the lowest level for anything beyond.
    run_queue& level() noexcept { return *levels_; }
    // The same where it is known that there is no other.
    run_queue& only_level() noexcept { return single_; }
    run_queue& level(std::size_t priority) noexcept {
        return levels_[priority < count_ ? priority : count_ - 1];
    }
    std::size_t priority_of(const run_queue& level) const noexcept {
        return static_cast<std::size_t>(&level - levels_);
    }
    bool has_one_level() const noexcept { return count_ == 1; }

    // Hands in a job from any thread or interrupt. One read-modify-write; rings the port only if the loop sleeps.
    void post_remote(job& j) noexcept {
        if constexpr (one_hart) return j.home().push(j);
        if (inbox_.post(j)) port::ring(*this);
    }

    // Runs at most `budget` jobs; those handed in from elsewhere first join their queues. True: more are ready.
    bool run(std::size_t budget);
    // One turn, for loops of one level that mask interrupts only while they take a job from its queue.
    WEFT_INLINE void give_turn(job& j) {
        running_ = &j;
        j.target->resume(j.target); // a coroutine's handle resumes itself by this very word
    }
    WEFT_INLINE bool has_ready() const noexcept {
        if (count_ == 1) return !levels_->empty() || has_stealable;
        return first_ready() != nullptr;
    }
    // The first level that has jobs; nullptr if none has.
    run_queue* first_ready() const noexcept;

    // Two steps to sleep. prepare_idle() is false if work has come in; after true, the first post_remote() rings.
    // finish_idle() is true if there was one: its ring has come, or is about to, and the executor must live till then.
    bool prepare_idle() noexcept { return !has_ready() && inbox_.prepare_sleep(); }
    bool finish_idle() noexcept { return inbox_.wake_up(); }

    // Ready again, and to go on before the others: to the front of its queue, but now and then to the back.
    void push_next(job& j) noexcept;
    // To the front of its queue, for a turn before the next of the stealable is begun; where none waits, to the back.
    void push_ahead(job& j) noexcept;
    // A job that has run for as long as it may.
    void push_deferred(job& j) noexcept;
    // Each to the back of its queue.
    static void push_all(job* oldest) noexcept;

    // The job whose turn it is; nullptr between turns.
    job* running() const noexcept { return running_; }
    // Within a turn, it becomes that of another job.
    WEFT_INLINE void now_runs(job& j) noexcept { running_ = &j; }
    void turn_is_over() noexcept { running_ = nullptr; }

    // Keeps the bitmap in a word elsewhere (a page shared with a kernel). Before first use; not with one hart.
    void place_bitmap(std::uint32_t& word) noexcept;

    branch_home branches{*this};

  private:
    template <bool several_levels> void run_ready(std::size_t budget);
    bool run_stealable();
    bool is_turn_of_queue() noexcept;

    run_queue* levels_;
    std::uint32_t count_;
    std::uint32_t stealable_turns_ = 0;
    std::uint32_t queue_turns_ = 0; // that are to come before one of the stealable is begun
    std::uint32_t ahead_ = 0;       // how often a job went ahead of its queue
    job* running_ = nullptr;
    std::uint32_t own_map_ = 0;
    alignas(sizeof(void*) == 8 ? 64 : sizeof(void*)) inbox inbox_;
};

// Begins what stood in the steal deque of `here`, or of an executor that `here` has stolen it from, in a turn of `here`.
void begin_stealable(continuation& f, executor& here) noexcept;

} // namespace weft
