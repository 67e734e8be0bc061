#include <weft/core/machine/scope_base.hpp>

namespace weft {

void scope_base::open_root(ready_level& level, bool across_threads) noexcept {
    level_ = &level;
    if (across_threads) share();
    live_ = 1;
}

ready_level& scope_base::level_here() const noexcept {
    executor* here = port::current();
    if (!here || here == level_->owner) return *level_;
    return here->level(level_->priority());
}

bool scope_base::begins_local_of_shared(const ready_level& level) noexcept {
    if (level.owner != &home() || port::current() != &home()) return false;
    if (live_ == 0) home_has_children();
    return true;
}

// Again, after it had none.
void scope_base::home_has_children() noexcept {
    if (!shared_) return;
    lock_guard hold(guard_);
    home_done_ = false;
}

branch* scope_base::new_remote_child(continuation& target, ready_level& level) noexcept {
    branch* b = branch::make_shared(target, level, *this, branch::remote);
    if (!b) return nullptr;
    lock_guard hold(guard_);
    if (stop_requested()) b->set(branch::stop);
    // The home reads it without the guard, but not before a local child has ended that this call comes from, by whatever way.
    if (!had_remote_) had_remote_ = true;
    link(remote_, *b);
    ++remote_live_;
    return b;
}

branch* scope_base::start_child_elsewhere(continuation& frame) noexcept {
    return start_child(frame, level_here());
}

branch* scope_base::start_remote_child(continuation& frame, ready_level& level) noexcept {
    branch* b = new_remote_child(frame, level);
    if (!b) return nullptr;
    promise_of(frame).begin_branch(*b);
    b->wake();
    return b;
}

// Under the guard, in the home context.
void scope_base::make_remote(branch& child) noexcept {
    had_remote_ = true;
    unlink(local_, child);
    child.set(branch::remote);
    link(remote_, child);
    ++remote_live_;
    if (--live_ == 0) home_done_ = true;
}

void scope_base::let_go(branch& child) noexcept {
    if (!shared_ || child.has(branch::remote)) return;
    lock_guard hold(guard_);
    make_remote(child);
}

void scope_base::retire_header(branch& child) noexcept {
    if (!child.has(branch::remote)) {
        unlink(local_, child);
        child.recycle(*child.home().owner);
        return;
    }
    lock();
    unlink(remote_, child);
    unlock();
    child.release();
}

// The last one, or one of which others know.
void scope_base::last_succeeded(branch& child, executor& here) {
    bool is_body = child.succeeds_uncounted();
    if (!is_body && !child.ends_unseen()) return child_ended(child, nullptr);
    continuation* frame = child.target;
    unlink(local_, child);
    child.recycle(here);
    if (!is_body) frame->destroy(frame);
    if (--live_ != 0) return;
    if (!owner || child.level.get_alone() != level_) [[unlikely]] // a root, or another priority
        return home_is_done();
    last_ended(child, here);
}

void scope_base::child_ended(branch& child, failure_cause* why) noexcept {
    continuation* frame = child.target;
    lock();
    bool local = !child.has(branch::remote) || child.has(branch::stolen);
    if (local && shared_ && !child.has(branch::stolen)) { // others may be about to take the outcome
        make_remote(child);
        local = false;
    }
    disposition what = ops().ended(*this, child, why);
    bool stops = undelivered_;
    unlock();
    if (stops) deliver_stop();
    // Outside of the guard: destructors of user code run here, and may use the scope.
    if (what == disposition::destroy || what == disposition::keep_error) destroy_task(*frame);
    if (what == disposition::keep_error) {
        lock();
        if (ops().error_kept(*this, child)) what = disposition::keep;
        unlock();
    }
    if (what != disposition::keep) retire_header(child);
    if (!local)
        end_one();
    else if (--live_ == 0)
        home_is_done();
}

void scope_base::end_one() noexcept {
    lock();
    bool last = --remote_live_ == 0 && (shared_ ? home_done_ : live_ == 0);
    if (last) ended_ = true;
    unlock();
    if (last) emptied();
}

// No local child is left. True: no other either.
bool scope_base::home_was_last() noexcept {
    lock();
    if (remote_live_ == 0)
        ended_ = true;
    else
        home_done_ = true;
    bool last = ended_;
    unlock();
    return last;
}

void scope_base::home_is_done() noexcept {
    if (home_was_last()) emptied();
}

// From here on the scope may be gone.
void scope_base::emptied() noexcept {
    if (!owner)
        ops().emptied(*this);
    else if (!shared_ && !home().has_stealable)
        owner->post();
    else
        owner->wake_ahead();
}

bool scope_base::last_hold_dropped() noexcept {
    bool last = home_was_last();
    if (last && owner) owner->waiting.store(nullptr, order::relaxed);
    return last;
}

bool scope_base::stop_children() noexcept {
    // A stop that races with the last end has come too late: the owner is on its way.
    if (ended_ || stop_requested()) return false;
    stop_from_now_on();
    // The delivery holds the scope open: it may take turns of other executors.
    ++remote_live_;
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
    executor& stopper = shared_ ? *here : home();
    next_stopping_ = stopper.stopping;
    stopper.stopping = this;
    if (stopper.delivering) return;
    stopper.delivering = true;
    while (scope_base* s = stopper.stopping) {
        stopper.stopping = s->next_stopping_;
        if (s->shared_)
            s->stop_step();
        else
            s->deliver_here();
    }
    stopper.delivering = false;
}

void scope_base::deliver_here() noexcept {
    for (branch* b = local_; b; b = b->following) b->set(branch::stop);
    for (branch* b = local_; b; b = b->following)
        if (leaf* w = b->waiting.load(order::acquire)) w->kind->cancel(*w);
    end_one();
}

void scope_base::send_stop(executor& next) noexcept {
    stop_message_.put(*this, next.level(0));
    next.post_remote(stop_message_.value);
}

void scope_base::stop_arrived(continuation* message) {
    static_cast<stop_message::arrival*>(message)->scope->stop_step();
}

// Visits, beginning with the home, one after the other the executors that are home to children which have not seen the
// stop.
//
// Why no stop is lost: `stop` is set on all children at the home, before the tour goes on from there, and new children
// begin with it. The tour reaches an executor through its queue, so that whatever suspends there afterwards sees the flag
// and fails at once; whatever is suspended there now has published its leaf. A ready child that moves between executors is
// unseen until the tour has met it in its home. The tour reads a child's home after a fence that follows the flags; an
// executor that adopts a child stores the home before a fence that the child's further life follows. So either the tour
// finds the new home and goes there, or the child sees the flag in it. The leaf is read before the home: a leaf that a new
// home has published comes with that home.
void scope_base::stop_step() noexcept {
    executor& here = *port::current();
    lock();
    executor* next = nullptr;
    if (!marked_) {
        marked_ = true;
        for (branch* list : {local_, remote_}) {
            for (branch* b = list; b; b = b->following) {
                b->set(branch::stop);
                b->set(branch::stop_unseen);
            }
        }
        atomic_fence(order::seq_cst);
        visit(local_, here);
    }
    next = visit(remote_, here);
    unlock();
    if (next)
        send_stop(*next);
    else
        end_one();
}

// Under the guard. Returns an executor that is still to be visited.
executor* scope_base::visit(branch* list, executor& here) noexcept {
    executor* next = nullptr;
    for (branch* b = list; b; b = b->following) {
        if (!b->has(branch::stop_unseen)) continue;
        leaf* w = b->waiting.load(order::acquire);
        if (!b->runs_on(here)) {
            next = b->home().owner;
            continue;
        }
        b->clear(branch::stop_unseen);
        if (!w) continue;
        // Without the guard: the leaf may be a wait for a child of this very scope. The branch stays where it is in the
        // list meanwhile, since it can only run, and so end, when this turn of its home is over.
        unlock();
        w->kind->cancel(*w);
        lock();
    }
    return next;
}

} // namespace weft
