#include <weft/core/machine/operand.hpp>

namespace weft {

void operand_base::begin(executor& here) noexcept {
    branch* b = scope_->begin_operand(*frame_, here);
    if (!b) {
        branch_ = nullptr;
        return;
    }
    b->refill();
    here.now_runs(*b);
    begin_on(*b).resume();
}

branch* scope_base::begin_operand(continuation& frame, executor& here) noexcept {
    if (&here != &home()) return stolen_branch(frame, here);
    branch* b = branch::make(frame, *level_, *this, child_flags_.load(order::relaxed));
    if (b) {
        link(local_, *b);
        return b;
    }
    failure_cause why(errc::out_of_memory);
    lock();
    ops().ended(*this, *owner, &why);
    unlock();
    deliver_stop();
    if (--live_ == 0) home_is_done();
    return nullptr;
}

// On a thief's executor the branch is in the remote list, so that a stop finds it, though it counts as local.
branch* scope_base::stolen_branch(continuation& frame, executor& here) noexcept {
    branch* b = branch::make(frame, here.level(), *this, branch::remote | branch::stolen);
    if (!b) port::panic("a worker stole a fork and had no branch for it");
    lock_guard hold(guard_);
    if (stop_requested()) b->set(branch::stop);
    link(remote_, *b);
    return b;
}

bool scope_base::sends_home(branch& stolen, continuation& listener) noexcept {
    if (port::current() == &home()) return false;
    stolen.pin(); // for good
    stolen.target = &listener;
    stolen.level.store(level_, order::relaxed);
    home().post_remote(stolen);
    return true;
}

branch* scope_base::fork_child(continuation& frame, void (*ended_away)(continuation*)) noexcept {
    executor* here = shared_ ? port::current() : &home();
    steal_deque* stealable = one_hart || !here ? nullptr : here->stealable;
    if (!stealable || !stealable->has_room(1)) [[unlikely]]
        return start_child(frame);
    branch* b;
    if (here == &home()) [[likely]] {
        if (live_ == 0) home_has_children();
        b = branch::make(frame, *level_, *this, child_flags_.load(order::relaxed));
        if (!b) [[unlikely]]
            return nullptr;
        ++live_;
        b->put_listener(ended_away);
    } else {
        b = new_remote_child(frame, here->level());
        if (!b) return nullptr;
    }
    promise_of(frame).begin_branch(*b);
    stealable->put(0, frame);
    stealable->publish(1);
    here->has_stealable = true;
    return b;
}

void scope_base::begin_stealable(continuation& f, executor& here) noexcept {
    if (operand_base* operand = operand_base::of(f)) return operand->begin(here);
    branch& child = *promise_of(f).branch;
    child.scope->begin_forked(child, f, here);
}

void scope_base::begin_forked(branch& child, continuation& frame, executor& here) noexcept {
    branch* runs = &child;
    if (child.has(branch::remote)) {
        if (!child.runs_on(here)) {
            child.level.store(&here.level(), order::relaxed);
            atomic_fence(order::seq_cst); // as executor::adopt()
        }
    } else if (&here == &home()) {
        if (stop_requested()) { // by now, perhaps
            lock();
            child.set(branch::stop);
            unlock();
        }
        child.waiting.set_alone(nullptr);
        link(local_, child);
    } else {
        runs = stolen_branch(frame, here);
        promise_of(frame).begin_branch(*runs, &child.listener());
    }
    runs->refill();
    here.now_runs(*runs);
    frame.resume(&frame);
}

bool scope_base::comes_home(branch& child) noexcept {
    promise_base& root = promise_of(*child.target);
    branch& away = *root.branch;
    if (sends_home(away, child.listener())) return false;
    child.take_credit_of(away);
    retire_header(away);
    child.waiting.set_alone(nullptr);
    link(local_, child);
    root.begin_branch(child);
    home().now_runs(child);
    return true;
}

} // namespace weft
