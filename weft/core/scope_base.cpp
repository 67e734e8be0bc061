#include <weft/core/scope_base.hpp>

namespace weft {

void scope_base::open(branch& owning, continuation& then, bool inherit) noexcept {
    level_ = &owning.home();
    if (level_->owner->shared) share();
    live_ = 1;
    if (inherit && owning.stopping()) stop_from_now_on();
    owner = &owning;
    owning.target = &then;
    owning.waiting.store(this, order::release);
}

void scope_base::open_root(ready_level& level, bool across_threads) noexcept {
    level_ = &level;
    if (across_threads) share();
    live_ = 1;
}

ready_level& scope_base::level_here() const noexcept {
    executor* here = port::current();
    if (!here || here == level_->owner) return *level_;
    return here->level(level_->bit ? static_cast<std::size_t>(__builtin_ctz(level_->bit)) : 0);
}

branch* scope_base::new_shared_child(continuation& target, ready_level& level) noexcept {
    branch* b = branch::make_shared(target, level, *this, child_flags_.load(order::relaxed));
    if (!b) return nullptr;
    lock_guard hold(guard_);
    if (stop_requested()) b->set(branch::stop);
    link(*b);
    return b;
}

branch* scope_base::start_shared_child(continuation& frame, ready_level& level) noexcept {
    branch* b = new_shared_child(frame, level);
    if (!b) return nullptr;
    promise_of(frame).begin_branch(*b);
    launch_shared(*b);
    return b;
}

void scope_base::launch_shared(branch& child) noexcept { child.wake(); }

void scope_base::retire_header(branch& child) noexcept {
    if (!shared_) {
        unlink(child);
        child.recycle(*child.home().owner);
        return;
    }
    lock();
    unlink(child);
    unlock();
    child.release();
}

void scope_base::child_ended(branch& child, failure_cause* why) noexcept {
    continuation* frame = child.target;
    lock();
    fate what = ops().ended(*this, child, why);
    unlock();
    deliver_stop();
    // Outside of the guard: destructors of user code run here, and may use the scope.
    if (what == fate::destroy || what == fate::keep_error) destroy_task(*frame);
    if (what == fate::keep_error) {
        lock();
        if (ops().error_kept(*this, child)) what = fate::keep;
        unlock();
    }
    if (what != fate::keep) retire_header(child);
    end_one();
}

void scope_base::end_one() noexcept {
    lock();
    bool empty = --live_ == 0;
    unlock();
    if (empty) emptied();
}

void scope_base::emptied() noexcept {
    if (!owner)
        ops().emptied(*this);
    else if (!shared_)
        owner->post();
    else
        owner->wake();
}

bool scope_base::drop_hold() noexcept {
    lock();
    bool empty = --live_ == 0;
    unlock();
    if (empty && owner) owner->waiting.store(nullptr, order::relaxed);
    return empty;
}

bool scope_base::stop_children() noexcept {
    // Without a live child the owner is on its way already: a stop that raced with the last end has come too late.
    if (live_ == 0 || stop_requested()) return false;
    stop_from_now_on();
    for (branch* b = children_; b; b = b->following) {
        b->set(branch::stop);
        b->set(branch::stop_unseen);
    }
    // The delivery holds the scope open: it may take turns of other executors.
    ++live_;
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
    if (!here) { // a thread that has no executor: the home's turn
        tour_step();
        return;
    }
    next_stopping_ = here->stopping;
    here->stopping = this;
    if (here->delivering) return;
    here->delivering = true;
    while (scope_base* s = here->stopping) {
        here->stopping = s->next_stopping_;
        if (s->shared_)
            s->tour_step();
        else
            s->deliver_here();
    }
    here->delivering = false;
}

void scope_base::deliver_here() noexcept {
    for (branch* b = children_; b; b = b->following) {
        b->clear(branch::stop_unseen);
        if (leaf* w = b->waiting.load(order::acquire)) w->kind->cancel(*w);
    }
    end_one();
}

void scope_base::continue_tour(continuation* message) {
    static_cast<tour_message*>(message)->scope->tour_step();
}

// Visits, one after the other, the executors that are home to children which have not seen the stop.
//
// Why no stop is lost: `stop` is set on all children before the tour starts, and the tour reaches an executor through
// its queue, so that whatever suspends there afterwards sees the flag and fails at once; whatever is suspended there
// now has published its leaf. A ready child that moves between executors is unseen until the tour has met it at rest in
// one home, and a move (release and acquire of the queue) carries the flag along. The leaf is read before the home: a
// leaf that a new home has published comes with that home.
void scope_base::tour_step() noexcept {
    executor* here = port::current();
    lock();
    executor* next = nullptr;
    for (branch* b = children_; b; b = b->following) {
        if (!b->has(branch::stop_unseen)) continue;
        leaf* w = b->waiting.load(order::acquire);
        if (!here || !b->runs_on(*here)) {
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
    if (next) {
        tour_job_.target = &tour_;
        tour_job_.level.store(&next->level(0), order::relaxed);
    }
    unlock();
    if (next)
        next->post_remote(tour_job_);
    else
        end_one();
}

} // namespace weft
