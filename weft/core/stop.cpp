#include <weft/core/stop.hpp>

#include <utility>

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
    if (!w.link || requested_.load(order::relaxed)) return false;
    *w.link = w.next;
    if (w.next) w.next->link = w.link;
    w.link = nullptr;
    return true;
}

// Once the flag is set, nobody takes a waiter out of the list: it is this call's alone, and the lock is not needed for it. The
// last waiter may destroy the source, and each its own node.
void stop_source::request_stop() noexcept {
    lock_.lock();
    bool first = !requested_.exchange(1, order::acq_rel);
    detail::stop_waiter* all = first ? std::exchange(waiters_, nullptr) : nullptr;
    lock_.unlock();
    while (all) {
        detail::stop_waiter& w = *all;
        all = w.next;
        w.message_job.home().owner->post_remote(w.message_job);
    }
}

} // namespace weft
