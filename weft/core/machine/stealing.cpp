// What waits in a steal deque to be begun: operands of combinators, each as its link, and forked children, each as its frame.
//
//               let_steal(), fork_child()
//     nothing ---------------------------> in the deque
//                                            |       |
//      the home takes the newest: begin_stealable()  a thief takes the oldest: begin_stealable() there
//                                            |       |
//                                            v       v
//                             a local branch        a branch of the thief's, `stolen`, in the remote list
//                                            |       |  ends: sends_home(), one message
//                                            v       v
//                                     ends at the scope's home: operand_succeeded(), comes_home(), child_ended()
//
// Invariants:
//   - What stands in the deque is counted as a local child, also when another worker begins it: then it comes home to end.
//   - Where an operand ends that nobody else knows of, the next one goes on in its branch: so operands that never wait and that
//     nobody steals share one branch, and the executor's loop has no turn in between.
//   - A forked child has its branch from the start, since others may hold the right to its outcome, and is in no list before it
//     is begun. A worker that steals it runs it in a branch of its own, so that the child's is the home's business all the time.
//     One that was forked on another worker than the home is remote, and in the list, and moves as a ready one does.
//   - A thief has a spare header before it takes anything.
#include <weft/core/machine/stealing.hpp>

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
        local_.add(*b);
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
    if (!b) port::panic("a worker stole what it had no branch for");
    lock_guard hold(guard_);
    if (stop_requested()) b->set(branch::stop);
    remote_.add(*b);
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
        b = new_remote_child(frame, here->level(), branch::in_transit);
        if (!b) return nullptr;
    }
    promise_of(frame).begin_branch(*b);
    stealable->put(0, frame);
    stealable->publish(1);
    here->has_stealable = true;
    return b;
}

void begin_stealable(continuation& f, executor& here) noexcept {
    if (operand_base* operand = operand_base::of(f)) return operand->begin(here);
    branch& child = *promise_of(f).branch;
    child.scope->begin_forked(child, f, here);
}

void scope_base::begin_forked(branch& child, continuation& frame, executor& here) noexcept {
    branch* runs = &child;
    if (child.has(branch::remote)) {
        if (!child.runs_on(here)) {
            child.level.store(&here.level(), order::relaxed);
            atomic_fence(order::seq_cst); // as adopt()
        }
        has_arrived(child);
    } else if (&here == &home()) {
        if (stop_requested()) { // by now, perhaps
            lock();
            child.set(branch::stop);
            unlock();
        }
        child.waiting.set_alone(nullptr);
        local_.add(child);
    } else {
        runs = stolen_branch(frame, here);
        lock();
        if (child.stopping()) runs->set(branch::stop);
        unlock();
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
    local_.add(child);
    root.begin_branch(child);
    home().now_runs(child);
    return true;
}

void scope_base::let_go(branch& child) noexcept {
    lock();
    if (shared_ && !child.has(branch::remote)) make_remote(child);
    child.set(branch::in_transit);
    unlock();
}

void scope_base::has_arrived(branch& child) noexcept {
    lock();
    child.clear(branch::in_transit);
    unlock();
}

namespace {

bool may_leave(job& j) noexcept {
    if (j.is_message()) return false;
    auto& b = static_cast<branch&>(j);
    if (b.is_pinned()) return false;
    b.scope->let_go(b);
    return true;
}

} // namespace

job* take_surplus(executor& here, std::size_t most) noexcept {
    run_queue* q = here.first_ready();
    return q ? q->take_every_other(most, &may_leave) : nullptr;
}

void adopt(executor& here, job* oldest) noexcept {
    for (job* j = oldest; j; j = j->next) {
        run_queue& old = j->home();
        j->level.store(&here.level(old.owner->priority_of(old)), order::relaxed);
    }
    atomic_fence(order::seq_cst); // see stop_delivery.cpp
    for (job* j = oldest; j; j = j->next) {
        auto& b = static_cast<branch&>(*j);
        b.scope->has_arrived(b);
    }
    executor::push_all(oldest);
}

void run_stolen(executor& here, continuation& f) {
    begin_stealable(f, here);
    here.turn_is_over();
}

} // namespace weft
