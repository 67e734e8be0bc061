// The base of everything that runs branches and waits for them: scopes, and the combinators.
#pragma once

#include <weft/core/leaf.hpp>
#include <weft/core/spin_lock.hpp>
#include <weft/core/thrown.hpp>

namespace weft {

// A set of branches that end before the scope does. As a leaf, it is what its owner waits in.
//
// Its state belongs to the owner's executor, or, where several workers share the scope, to whoever holds the guard.
// A stop sets the flag of every child at once, and then travels to each child's home executor as one message, which
// asks the leaf that the child waits in to end.
class scope_base : public leaf {
  public:
    // What becomes of a child that has ended: frame and header go, or the frame stays for the one who holds it, or both
    // stay until somebody takes the outcome, or the header alone with an error in it.
    enum class fate { destroy, keep_frame, keep, keep_error };

    struct scope_kind : leaf_kind {
        // A child has ended; `why` is nullptr after a success. Under the guard. May call stop_children().
        fate (*ended)(scope_base&, branch& child, failure_cause* why) noexcept;
        // The last child has ended, and the scope has no owner branch to wake. Only for roots.
        void (*emptied)(scope_base&) noexcept;
        // After fate::keep_error, when the frame is gone. Under the guard. False: nobody wants the error any more.
        bool (*error_kept)(scope_base&, branch& child) noexcept = nullptr;
    };

    explicit scope_base(const scope_kind& k) noexcept
        : leaf(k), tour_{{&continue_tour, &message_marker}, this} {}

    // Asks every child, and every child to come, to stop; does not wait. Idempotent. In a task of the same runtime.
    void request_stop() noexcept;
    bool stop_requested() const noexcept { return child_flags_.load(order::relaxed) & branch::stop; }

    // From here on for combinators, not for users.

    // Holds the scope open until drop_hold(), and registers it as what the owner waits in. With `inherit`, the scope of a
    // stopped branch starts stopped: its children run, and their leaves fail.
    void open(branch& owning, continuation& then, bool inherit = true) noexcept;
    // The same for a root, which no branch owns.
    void open_root(ready_level& level, bool across_threads) noexcept;
    // True: all children have ended already, and nobody is woken.
    bool drop_hold() noexcept;

    // A new branch with `target` as its root, in `level`, which may be another executor's; nullptr without memory.
    inline branch* new_child(continuation& target, ready_level& level) noexcept;
    // Puts it in its ready queue.
    static inline void launch(branch& child) noexcept;
    // Both for a task's frame, which becomes the root of the branch.
    inline branch* start_child(continuation& frame, ready_level& level) noexcept;
    // The level for children that say nothing else: the owner's priority on the calling executor.
    inline ready_level& default_level() const noexcept;

    void child_ended(branch& child, failure_cause* why) noexcept;
    // The same after a success on `here`, with the short way for a child that nobody waits for.
    inline void child_succeeded(branch& child, executor& here) noexcept;

  protected:
    const scope_kind& ops() const noexcept { return *static_cast<const scope_kind*>(kind); }
    void lock() noexcept {
        if (shared_) guard_.lock();
    }
    void unlock() noexcept {
        if (shared_) guard_.unlock();
    }
    bool is_shared() const noexcept { return shared_; }
    // For all children to come.
    void stop_from_now_on() noexcept {
        child_flags_.store(static_cast<std::uint16_t>(child_flags_.get_alone() | branch::stop),
                           order::relaxed);
    }
    // Under the guard; the stop is delivered when the guard is given back. True if this call was the first.
    bool stop_children() noexcept;
    void deliver_stop() noexcept;
    inline void unlink(branch& child) noexcept;
    void retire_header(branch& child) noexcept;
    branch* children() const noexcept { return children_; }
    // Children that run on foreign executors need the guard even if the owner's executor shares nothing. Before the first.
    void share() noexcept {
        shared_ = true;
        child_flags_.set_alone(branch::guarded);
    }

    // One more thing to wait for beside the children; ended by end_one(), or by drop_one() under the guard of a child
    // that is just ending. Before open() has returned control.
    void hold_one() noexcept { ++live_; }
    void drop_one() noexcept { --live_; }
    void end_one() noexcept;

    static void cancel_children(leaf& self) noexcept { static_cast<scope_base&>(self).request_stop(); }

  private:
    struct tour_message : continuation {
        scope_base* scope;
    };

    branch* new_shared_child(continuation& target, ready_level& level) noexcept;
    branch* start_shared_child(continuation& frame, ready_level& level) noexcept;
    static void launch_shared(branch& child) noexcept;
    ready_level& level_here() const noexcept;
    inline void link(branch& child) noexcept;
    void emptied() noexcept;
    static void continue_tour(continuation* message);
    void deliver_here() noexcept;
    void tour_step() noexcept;

    branch* children_ = nullptr;
    ready_level* level_ = nullptr;
    scope_base* next_stopping_ = nullptr;
    std::uint32_t live_ = 0;
    atomic<std::uint16_t> child_flags_{0}; // what a new child begins with: branch::guarded, branch::stop
    bool shared_ = false;
    bool undelivered_ = false;
    spin_lock guard_;
    job tour_job_;
    tour_message tour_;
};

inline void scope_base::link(branch& child) noexcept {
    child.previous = nullptr;
    child.following = children_;
    if (children_) children_->previous = &child;
    children_ = &child;
    ++live_;
}

inline void scope_base::unlink(branch& child) noexcept {
    if (child.previous)
        child.previous->following = child.following;
    else
        children_ = child.following;
    if (child.following) child.following->previous = child.previous;
}

inline void scope_base::child_succeeded(branch& child, executor& here) noexcept {
    if (!child.ends_unseen()) [[unlikely]]
        return child_ended(child, nullptr);
    continuation* frame = child.target;
    unlink(child);
    child.recycle(here);
    frame->destroy(frame); // arguments of the task: their destructors may still use the scope
    if (--live_ == 0) emptied();
}

inline branch* scope_base::new_child(continuation& target, ready_level& level) noexcept {
    if (shared_) [[unlikely]]
        return new_shared_child(target, level);
    branch* b = branch::make(target, level, *this, child_flags_.get_alone());
    if (b) [[likely]]
        link(*b);
    return b;
}

inline void scope_base::launch(branch& child) noexcept {
    if (child.scope->shared_) [[unlikely]]
        return launch_shared(child);
    child.level.get_alone()->push(child);
}

inline branch* scope_base::start_child(continuation& frame, ready_level& level) noexcept {
    if (shared_) [[unlikely]]
        return start_shared_child(frame, level);
    branch* b = branch::make(frame, level, *this, child_flags_.get_alone());
    if (!b) [[unlikely]]
        return nullptr;
    link(*b);
    promise_of(frame).begin_branch(*b);
    level.push(*b);
    return b;
}

inline ready_level& scope_base::default_level() const noexcept { return shared_ ? level_here() : *level_; }

} // namespace weft
