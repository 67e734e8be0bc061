#include <weft/core/scope.hpp>

namespace weft {

constinit const scope_base::scope_kind scope::nursery{
    {"scope", &scope_base::cancel_children}, &scope::child_is_done, nullptr, &scope::error_is_kept};

scope_base::disposition scope::child_is_done(scope_base& self, branch& child, failure_cause* why) noexcept {
    auto& s = static_cast<scope&>(self);
    bool error_alone = why && !why->exception;
    error e = error_alone ? why->code : error();
    if (why && !s.first_failure_ && !(s.stop_requested() && why->code == errc::cancelled)) {
        s.first_failure_ = std::move(*why);
        s.stop_children();
    }
    if (child.has(branch::uncounted)) return disposition::keep_frame; // the body
    if (child.has(branch::detached)) return disposition::destroy;
    if (error_alone) {
        child.keep_error(e);
        return disposition::keep_error;
    }
    s.let_join(child);
    return disposition::keep;
}

bool scope::error_is_kept(scope_base& self, branch& child) noexcept {
    if (child.has(branch::detached)) return false;
    static_cast<scope&>(self).let_join(child);
    return true;
}

void scope::let_join(branch& child) noexcept {
    child.set(branch::done);
    if (!child.has(branch::joined)) return;
    for (joiner** at = &joiners_; *at; at = &(*at)->next) {
        if ((*at)->child != &child) continue;
        branch* waiter = (*at)->waiter;
        *at = (*at)->next;
        waiter->wake_ahead();
        break;
    }
}

void scope::fail(error e) noexcept {
    lock();
    if (!first_failure_) first_failure_ = e;
    stop_children();
    unlock();
    deliver_stop();
}

void scope::detach_slowly(branch& child) noexcept {
    lock();
    bool ended = child.has(branch::done);
    if (!ended) child.set(branch::detached);
    unlock();
    if (!ended) return;
    continuation* frame = child.target;
    retire(child);
    if (frame) destroy_task(*frame);
}

void scope::retire(branch& child) noexcept { retire_header(child); }

bool scope::add_joiner(joiner& j) noexcept {
    lock();
    bool wait = !j.child->has(branch::done);
    if (wait) {
        j.child->set(branch::joined);
        j.next = joiners_;
        joiners_ = &j;
    }
    unlock();
    return wait;
}

bool scope::remove_joiner(joiner& j) noexcept {
    lock();
    joiner** at = &joiners_;
    while (*at && *at != &j) at = &(*at)->next;
    bool found = *at != nullptr;
    if (found) {
        *at = j.next;
        j.child->clear(branch::joined);
    }
    unlock();
    return found;
}

void scope::drop_finished() noexcept {
    while (branch* child = any_child()) {
        continuation* frame = child->target;
        retire_header(*child);
        if (frame) destroy_task(*frame);
    }
}

} // namespace weft
