// How children of a scope begin and end. Both counts go down to zero, each once, and whoever takes the last one down lets the
// owner go on: the home counts what is local, without a lock; the rest is counted under the guard.
#include <weft/core/machine/scope_base.hpp>

namespace weft {

void scope_base::open_root(run_queue& level, bool across_threads) noexcept {
    level_ = &level;
    if (across_threads) share();
    live_ = 1;
}

run_queue& scope_base::level_here() const noexcept {
    executor* here = port::current();
    if (!here || here == level_->owner) return *level_;
    return here->level(home().priority_of(*level_));
}

bool scope_base::begins_local_of_shared(const run_queue& level) noexcept {
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

branch* scope_base::new_remote_child(continuation& target, run_queue& level, std::uint16_t flags) noexcept {
    branch* b = branch::make_shared(target, level, *this, static_cast<std::uint16_t>(flags | branch::remote));
    if (!b) return nullptr;
    lock_guard hold(guard_);
    if (stop_requested()) b->set(branch::stop);
    // The home reads it without the guard, but not before a local child has ended that this call comes from, by whatever way.
    if (!had_remote_) had_remote_ = true;
    remote_.add(*b);
    ++remote_live_;
    return b;
}

branch* scope_base::start_child_elsewhere(continuation& frame) noexcept {
    return start_child(frame, level_here());
}

branch* scope_base::start_remote_child(continuation& frame, run_queue& level) noexcept {
    branch* b = new_remote_child(frame, level);
    if (!b) return nullptr;
    promise_of(frame).begin_branch(*b);
    b->wake();
    return b;
}

// Under the guard, in the home context.
void scope_base::make_remote(branch& child) noexcept {
    had_remote_ = true;
    local_.remove(child);
    child.set(branch::remote);
    remote_.add(child);
    ++remote_live_;
    if (--live_ == 0) home_done_ = true;
}

void scope_base::retire_header(branch& child) noexcept {
    if (!child.has(branch::remote)) {
        local_.remove(child);
        child.recycle(*child.home().owner);
        return;
    }
    lock();
    remote_.remove(child);
    unlock();
    child.release();
}

// The last one, or one of which others know.
void scope_base::last_succeeded(branch& child, executor& here) {
    bool is_body = child.succeeds_uncounted();
    if (!is_body && !child.ends_unseen()) return child_ended(child, nullptr);
    continuation* frame = child.target;
    local_.remove(child);
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

} // namespace weft
