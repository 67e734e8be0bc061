// How a stop reaches every child of a scope, and one task alone.
//
// A stop sets the flag of every child, and asks the leaf that each waits in to end. Where only one executor is, that is one walk
// through the children. A shared scope's stop travels, as one message, from the scope's home to each executor that is home to a child
// which has not seen it:
//
//     stop_children()      deliver_stop()        stop_step() at the home            stop_step() at another executor
//     undelivered -------> sent or begun ------> marks all, cancels those here ---> cancels those here --.
//                                                        |          ^                     | ^            |
//                                                        |          '---------------------' '------------'
//                                                        v  nobody is left that has not seen it
//                                                     end_one(): gives back the hold of the delivery
//
// Invariants:
//   - From stop_children() on, every new child begins with the flag.
//   - The delivery is one of the things that the scope waits for, so that the scope outlives it; it happens once.
//   - Cancelling a leaf never runs a task: it posts, at the most.
//   - The delivery never holds the guard for longer than a look at one child, however many there are.
//
// Why no stop is lost: `stop` is set on all children at the home, before the message goes on from there, and new children
// begin with it; while it is set on those of the home, none of them can run. The message reaches an executor through its queue, so that whatever suspends there afterwards sees the flag
// and fails at once; whatever is suspended there now has published its leaf. A ready child that moves between executors is
// unseen until the message has met it in its home. The message reads a child's home after a fence that follows the flags; an
// executor that adopts a child stores the home before a fence that the child's further life follows. So either the message
// finds the new home and goes there, or the child sees the flag in it. The leaf is read before the home: a leaf that a new
// home has published comes with that home.
#include <weft/core/machine/scope_base.hpp>

namespace weft {

bool scope_base::stop_children() noexcept {
    // A stop that races with the last end has come too late: the owner is on its way.
    if (ended_ || stop_requested()) return false;
    stop_from_now_on();
    ++remote_live_; // the delivery's hold: it may take turns of other executors
    undelivered_ = true;
    return true;
}

void scope_base::request_stop() noexcept {
    lock();
    stop_children();
    unlock();
    deliver_stop();
}

// Scopes nest as deep as users like, so a stop that meets a scope among the leaves queues it instead of recursing.
void scope_base::deliver_stop() noexcept {
    lock();
    bool first = std::exchange(undelivered_, false);
    unlock();
    if (!first) return;
    executor* here = port::current();
    if (shared_ && here != &home()) {
        send_stop(home());
        return;
    }
    branch_home& stopper = shared_ ? here->branches : home().branches;
    next_stopping_ = stopper.stopping;
    stopper.stopping = this;
    if (stopper.delivering) return;
    stopper.delivering = true;
    while (scope_base* s = stopper.stopping) {
        stopper.stopping = s->next_stopping_;
        if (s->shared_) {
            s->stop_step();
        } else {
            s->stop_local_children();
            s->end_one();
        }
    }
    stopper.delivering = false;
}

void scope_base::send_stop(executor& next) noexcept {
    stop_message_.put(*this, next.level(0), &stop_arrived);
    next.post_remote(stop_message_.value);
}

void scope_base::stop_arrived(continuation* message) {
    static_cast<stop_message::arrival*>(message)->scope->stop_step();
}

void scope_base::stop_step() noexcept {
    executor& here = *port::current();
    if (!marked_) {
        marked_ = true;
        mark_remote_children();
        stop_local_children();
    }
    if (executor* next = cancel_remote_children(here))
        send_stop(*next);
    else
        end_one();
}

// Those that have been asked one by one, see stop_child(), are left alone here and below: no wait is cancelled twice.
void scope_base::stop_local_children() noexcept {
    for (branch* b = local_.first(); b; b = b->following) {
        lock(); // a join elsewhere may be writing flags of its own
        bool first = !b->stopping();
        b->set(branch::stop);
        unlock();
        if (!first) continue;
        if (leaf* w = b->waiting.load(order::acquire)) w->kind->cancel(*w);
    }
}

void scope_base::mark_remote_children() noexcept {
    lock();
    remote_.begin_walk();
    while (branch* b = remote_.walk()) {
        if (!b->stopping()) {
            b->set(branch::stop);
            b->set(branch::stop_unseen);
        }
        unlock();
        lock();
    }
    unlock();
    atomic_fence(order::seq_cst);
}

// Returns an executor that is still to be visited.
executor* scope_base::cancel_remote_children(executor& here) noexcept {
    executor* next = nullptr;
    lock();
    remote_.begin_walk();
    while (branch* b = remote_.walk()) {
        leaf* w = nullptr;
        if (b->has(branch::stop_unseen)) {
            w = b->waiting.load(order::acquire);
            if (b->runs_on(here)) {
                b->clear(branch::stop_unseen);
            } else {
                next = b->home().owner;
                w = nullptr;
            }
        }
        // Without the guard: the leaf may be a wait for a child of this very scope. Its branch cannot run, and so not end,
        // before this turn of its home is over.
        unlock();
        if (w) w->kind->cancel(*w);
        lock();
    }
    unlock();
    return next;
}

// At its home, or at what was its home until this moment: then its next home takes the stop on.
void scope_base::stop_child(branch& child) noexcept {
    lock();
    if (!child.stopping()) {
        child.set(branch::stop);
        child.set(branch::stop_unseen);
    }
    unlock();
    atomic_fence(order::seq_cst);
    lock();
    leaf* w = child.waiting.load(order::acquire);
    bool mine = child.runs_on(*port::current()) && child.has(branch::stop_unseen);
    if (mine) child.clear(branch::stop_unseen);
    unlock();
    if (mine && w) w->kind->cancel(*w);
}

void task_stop::send(branch& slot, std::uint32_t generation) noexcept {
    slot_ = &slot;
    generation_ = generation;
    state_.store(static_cast<std::uint32_t>(state::travels), order::relaxed);
    run_queue* level = slot.level.load(order::relaxed);
    if (!level) return end(state::too_late); // a slot that nobody has used
    message_.level.set_alone(level);
    level->owner->post_remote(message_);
}

void task_stop::arrive(continuation* message) { static_cast<arrival*>(message)->stop->step(); }

// In a turn of the executor that was the slot's home when the message was sent on. A branch that stands in a queue of this
// executor, or waits, cannot end before the turn is over, and so its scope is there. One that is on its way to another executor
// may run there at any moment: then the message takes another turn, until the branch has arrived or is back.
void task_stop::step() noexcept {
    branch& b = *slot_;
    bool away = b.has(branch::in_transit);
    atomic_fence(order::acquire); // whoever takes that flag away has written the new home before
    run_queue& level = b.home();
    if (level.owner != port::current() || away) {
        message_.level.set_alone(&level);
        return level.owner->post_remote(message_);
    }
    if (b.generation != generation_ || b.has(branch::done)) return end(state::too_late);
    b.scope->stop_child(b);
    end(state::delivered);
}

} // namespace weft
