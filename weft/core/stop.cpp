#include <weft/core/stop.hpp>

namespace weft {

bool stop_source::add(detail::stop_waiter& w) noexcept {
    lock_guard guard(lock_);
    if (requested_.load(order::relaxed)) return false;
    w.next = waiters_;
    w.link = &waiters_;
    if (waiters_) waiters_->link = &w.next;
    waiters_ = &w;
    return true;
}

bool stop_source::remove(detail::stop_waiter& w) noexcept {
    lock_guard guard(lock_);
    if (!w.link) return false;
    *w.link = w.next;
    if (w.next) w.next->link = w.link;
    w.link = nullptr;
    return true;
}

void stop_source::request_stop() noexcept {
    lock_guard guard(lock_);
    if (requested_.exchange(1, order::acq_rel)) return;
    while (detail::stop_waiter* w = waiters_) {
        waiters_ = w->next;
        w->link = nullptr;
        w->message_job.home().owner->post_remote(w->message_job);
    }
}

} // namespace weft
