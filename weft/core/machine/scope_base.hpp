// The base of everything that runs branches and waits for them: scopes, and the combinators.
//
// Where to look: a spawn is start_child() below; a stop stop_delivery.cpp; a steal stealing.cpp; an end child_ended() in
// scope_base.cpp.
#pragma once

#include <weft/core/leaf.hpp>
#include <weft/core/machine/child_list.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/core/machine/steal_deque.hpp>
#include <weft/core/machine/stop_message.hpp>
#include <weft/core/machine/thrown.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft {

// A set of branches that end before the scope does. As a leaf, it is what its owner waits in.
//
// A child is local if its home is the owner's executor, the scope's home, and it was spawned there: the home alone counts
// and lists local children, without a lock, however many workers there are. The others are remote: children that were
// spawned elsewhere or have moved to another worker, and those whose outcome somebody may take. What remote children do,
// and whatever reaches the scope from other workers, is done under the guard. Where only one executor is, all children are
// local, and there is no guard.
//
//             open()             last local child ends
//     closed --------> live ---------------------------> home done     (remote children are left)
//                       |                                    |    ^
//                       | last of all ends                   |    '-- a local child is spawned: live again
//                       v                                    v last remote child ends
//                     ended: the owner is posted, and from there on the scope may be gone
class scope_base : public leaf {
  public:
    // What becomes of a child that has ended: frame and header go, or the frame stays for the one who holds it, or both
    // stay until somebody takes the outcome, or the header alone with an error in it.
    enum class disposition { destroy, keep_frame, keep, keep_error };

    struct scope_kind : leaf_kind {
        // A child has ended; `why` is nullptr after a success. Under the guard. May call stop_children().
        disposition (*ended)(scope_base&, branch& child, failure_cause* why) noexcept;
        // The last child has ended, and the scope has no owner branch to wake. Only for roots.
        void (*emptied)(scope_base&) noexcept;
        // After disposition::keep_error, when the frame is gone. Under the guard. False: nobody wants the error any more.
        bool (*error_kept)(scope_base&, branch& child) noexcept = nullptr;
        // A success is not worth a call of ended().
        bool failures_only = false;
    };

    explicit scope_base(const scope_kind& k) noexcept
        : leaf(k), child_flags_(k.failures_only ? branch::uncounted : 0) {
        owner = nullptr;
    }

    // Asks every child, and every child to come, to stop; does not wait. Idempotent. In a task of the same runtime.
    void request_stop() noexcept;
    bool stop_requested() const noexcept { return child_flags_.load(order::relaxed) & branch::stop; }

    // Holds the scope open until drop_hold(), and registers it as what the owner waits in. With `inherit`, the scope of a
    // stopped branch starts stopped: its children run, and their leaves fail.
    inline void open(branch& owning, continuation& then, bool inherit = true) noexcept;
    // The same for a root, which no branch owns.
    void open_root(run_queue& level, bool across_threads) noexcept;
    // True: all children have ended already, and nobody is woken.
    bool drop_hold() noexcept { return --live_ == 0 && last_hold_dropped(); }

    // A new branch with `target` as its root, in `level`, which may be another executor's; nullptr without memory.
    inline branch* new_child(continuation& target, run_queue& level) noexcept;
    // Puts it in its ready queue.
    static inline void launch(branch& child) noexcept;
    // Both for a task's frame, which becomes the root of the branch. Without a level, in the default one.
    inline branch* start_child(continuation& frame, run_queue& level) noexcept;
    inline branch* start_child(continuation& frame) noexcept;
    // The level for children that say nothing else: the owner's priority on the calling executor.
    inline run_queue& default_level() const noexcept;

    void child_ended(branch& child, failure_cause* why) noexcept;
    // The same after a success on `here`, with the short way for a child that nobody waits for, and for a scope's body.
    inline void child_succeeded(branch& child, executor& here);

    // Stealing: see stealing.cpp.

    // Where operands may wait to be begun; nullptr: they start by way of the queue.
    steal_deque* deque_of_home() const noexcept { return one_hart ? nullptr : home().stealable; }
    // In the home context: so many have been put into the deque.
    void let_steal(steal_deque& deque, std::size_t n) noexcept {
        deque.publish(n);
        live_ += static_cast<std::uint32_t>(n);
        home().has_stealable = true;
    }
    // In the owner's turn, which goes over to the first operand, or to a scope's body. The hold becomes its count. nullptr
    // without a spare header.
    inline branch* begin_first(continuation& frame, std::uint16_t flags = 0) noexcept;
    branch* begin_operand(continuation& frame, executor& here) noexcept;
    inline void operand_succeeded(branch& child);
    // start_child(), but the child waits in the deque of the calling worker, if there is room. `ended_away` hears of the end
    // if another worker begins it: it calls comes_home(), and after true, in the branch that the child had from the start,
    // ends the frame.
    branch* fork_child(continuation& frame, void (*ended_away)(continuation*)) noexcept;
    void begin_forked(branch& child, continuation& frame, executor& here) noexcept;
    bool comes_home(branch& child) noexcept;
    bool sends_home(branch& stolen, continuation& listener) noexcept;
    // In the home context, where the branch stands in the ready queue: it becomes remote, and another executor may reach for it
    // at any moment, until one has it, be it the home again.
    void let_go(branch& child) noexcept;
    void has_arrived(branch& child) noexcept;

    // Stops: see stop_delivery.cpp.

    // In the home context of a child that is alive: asks it alone to stop.
    void stop_child(branch& child) noexcept;

  protected:
    const scope_kind& ops() const noexcept { return *static_cast<const scope_kind*>(kind); }
    void lock() noexcept {
        if (shared_) guard_.lock();
    }
    void unlock() noexcept {
        if (shared_) guard_.unlock();
    }
    // For all children to come.
    void stop_from_now_on() noexcept {
        child_flags_.store(static_cast<std::uint16_t>(child_flags_.get_alone() | branch::stop),
                           order::relaxed);
    }
    // Under the guard; the stop is delivered when the guard is given back. True if this call was the first.
    bool stop_children() noexcept;
    void deliver_stop() noexcept;
    void retire_header(branch& child) noexcept;
    // After the end: a child whose outcome nobody has taken.
    branch* any_child() const noexcept { return local_.first() ? local_.first() : remote_.first(); }
    // Children that run on foreign executors need the guard even if the owner's executor shares nothing. Before the first.
    void share() noexcept {
        shared_ = true;
        child_flags_.set_alone(static_cast<std::uint16_t>(child_flags_.get_alone() | branch::of_shared));
    }
    // Of a scope that nobody else can reach: not opened, or ended.
    bool has_no_children() const noexcept { return live_ == 0 && remote_live_ == 0; }
    bool is_at_home() const noexcept { return port::current() == &home(); }

    // One more thing to wait for beside the children. Both under the guard, or before the first child; drop_one() while a
    // child is alive.
    void hold_one() noexcept { ++remote_live_; }
    void drop_one() noexcept { --remote_live_; }
    void end_one() noexcept;

    // A new child that is remote from the start, with a header straight from the port; where nobody has asked for a stop.
    branch* new_remote_child(continuation& target, run_queue& level, std::uint16_t flags = 0) noexcept;

    static void cancel_children(leaf& self) noexcept { static_cast<scope_base&>(self).request_stop(); }

  private:
    executor& home() const noexcept { return *level_->owner; }
    bool begins_local(const run_queue& level) noexcept { return !shared_ || begins_local_of_shared(level); }
    bool begins_local_of_shared(const run_queue& level) noexcept;
    branch* start_remote_child(continuation& frame, run_queue& level) noexcept;
    branch* start_child_elsewhere(continuation& frame) noexcept;
    inline branch* start_local_child(continuation& frame, run_queue& level) noexcept;
    inline branch* new_local_child(continuation& target, run_queue& level) noexcept;
    run_queue& level_here() const noexcept;
    void make_remote(branch& child) noexcept;
    void home_has_children() noexcept;
    bool home_was_last() noexcept;
    void home_is_done() noexcept;
    bool last_hold_dropped() noexcept;
    void last_succeeded(branch& child, executor& here);
    inline void last_ended(branch& last, executor& here);
    void emptied() noexcept;

    branch* stolen_branch(continuation& frame, executor& here) noexcept;

    static void stop_arrived(continuation* message);
    void stop_step() noexcept;
    void send_stop(executor& next) noexcept;
    void stop_local_children() noexcept;
    void mark_remote_children() noexcept;
    executor* cancel_remote_children(executor& here) noexcept;

    // The home's.
    run_queue* level_;
    child_list local_;
    walked_child_list remote_; // under the guard, as its count
    std::uint32_t live_ = 0;
    std::uint32_t remote_live_ = 0;
    bool shared_ = false;
    bool had_remote_ = false; // a child was remote once: others may still hold the guard

    // Under the guard, where the scope is shared.
    bool undelivered_ = false;
    bool marked_ = false;               // the children that were there when a stop came know of it
    bool home_done_ = false;            // no local child is left, and remote ones are
    bool ended_ = false;                // both counts are zero: the owner is on its way
    atomic<std::uint16_t> child_flags_; // what a local child begins with: branch::of_shared, uncounted, stop
    spin_lock guard_;
    slot<stop_message> stop_message_;
    scope_base* next_stopping_; // of the executor that delivers stops
};

// Nobody else knows of a child that is local and detached, so that its end is the home's business alone. Not noexcept, see
// operand_succeeded().
inline void scope_base::child_succeeded(branch& child, executor& here) {
    if (!child.ends_unseen() || live_ == 1) [[unlikely]]
        return last_succeeded(child, here);
    continuation* frame = child.target;
    local_.remove(child);
    child.recycle(here);
    --live_;
    frame->destroy(frame); // arguments of the task: their destructors may still use the scope
}

inline void scope_base::open(branch& owning, continuation& then, bool inherit) noexcept {
    level_ = &owning.home();
    if (level_->owner->shared) share();
    live_ = 1;
    if (inherit && owning.stopping()) [[unlikely]]
        stop_from_now_on();
    owner = &owning;
    owning.target = &then;
    owning.waiting.store(this, order::release);
}

WEFT_INLINE inline branch* scope_base::begin_first(continuation& frame, std::uint16_t flags) noexcept {
    executor& here = home();
    flags = static_cast<std::uint16_t>(flags | child_flags_.load(order::relaxed));
    branch* b = branch::make_of_spare(frame, *level_, *this, flags);
    if (!b) [[unlikely]]
        return nullptr;
    local_.add(*b);
    b->take_credit_of(*owner);
    here.now_runs(*b);
    return b;
}

// The owner goes on in the turn in which the last child has ended, if it need not wait for others' turns.
WEFT_INLINE inline void scope_base::last_ended(branch& last, executor& here) {
    // Where others may be about to leave the guard, or a stop is on its way: see emptied().
    if (had_remote_ || stop_requested()) [[unlikely]]
        return home_is_done();
    ended_ = true;
    branch& b = *owner;
    b.waiting.store(nullptr, order::relaxed);
    b.take_credit_of(last);
    here.now_runs(b);
    b.hop(b.target).resume();
}

inline branch* scope_base::new_local_child(continuation& target, run_queue& level) noexcept {
    branch* b = branch::make(target, level, *this, child_flags_.load(order::relaxed));
    if (!b) [[unlikely]]
        return nullptr;
    local_.add(*b);
    ++live_;
    return b;
}

inline branch* scope_base::new_child(continuation& target, run_queue& level) noexcept {
    if (!begins_local(level)) [[unlikely]]
        return new_remote_child(target, level);
    return new_local_child(target, level);
}

inline void scope_base::launch(branch& child) noexcept {
    if (child.has(branch::remote)) [[unlikely]]
        return child.wake();
    child.level.get_alone()->push(child);
}

inline branch* scope_base::start_child(continuation& frame, run_queue& level) noexcept {
    if (!begins_local(level)) [[unlikely]]
        return start_remote_child(frame, level);
    return start_local_child(frame, level);
}

WEFT_HOT_INLINE inline branch* scope_base::start_child(continuation& frame) noexcept {
    if (shared_) {
        if (port::current() != &home()) [[unlikely]]
            return start_child_elsewhere(frame);
        if (live_ == 0) [[unlikely]]
            home_has_children();
    }
    return start_local_child(frame, *level_);
}

WEFT_HOT_INLINE inline branch* scope_base::start_local_child(continuation& frame, run_queue& level) noexcept {
    branch* b = new_local_child(frame, level);
    if (!b) [[unlikely]]
        return nullptr;
    promise_of(frame).begin_branch(*b);
    level.push(*b);
    return b;
}

inline run_queue& scope_base::default_level() const noexcept { return shared_ ? level_here() : *level_; }

} // namespace weft
