#include <weft/ports/host/thread_pool.hpp>

#include <algorithm>
#include <chrono>

#include <weft/ports/host/log.hpp>
#include <weft/ports/host/os.hpp>

namespace weft {

thread_pool::thread_pool(std::size_t limit, const char* name)
    : limit_(std::clamp<std::size_t>(limit, 1, max_threads)), name_(name) {
    threads_.reserve(limit_);
    finished_.reserve(limit_);
}

thread_pool::~thread_pool() {
    {
        std::lock_guard held(guard_);
        closing_ = true;
    }
    wake_.notify_all();
    // Nobody starts a thread any more, so the list stands still.
    for (std::thread& t : threads_) t.join();
}

void thread_pool::submit(pool_work& work) noexcept {
    std::unique_lock held(guard_);
    work.next = nullptr;
    work.link = tail_;
    *tail_ = &work;
    tail_ = &work.next;
    ++queued_;
    if (queued_ <= idle_) {
        held.unlock();
        wake_.notify_one();
        return;
    }
    if (live_ == limit_) return;
    reap(held);
    // Another thread may have taken the work meanwhile, or the last thread have gone.
    if (queued_ <= idle_ || live_ == limit_ || start_thread() || live_ != 0) return;
    while (pool_work* first = take()) {
        held.unlock();
        first->run(*first);
        held.lock();
    }
}

bool thread_pool::cancel(pool_work& work) noexcept {
    std::lock_guard held(guard_);
    if (!work.link) return false;
    unlink(work);
    return true;
}

std::size_t thread_pool::threads() const noexcept {
    std::lock_guard held(guard_);
    return live_;
}

std::size_t thread_pool::queued() const noexcept {
    std::lock_guard held(guard_);
    return queued_;
}

void thread_pool::unlink(pool_work& work) noexcept {
    *work.link = work.next;
    (work.next ? work.next->link : tail_) = work.link;
    work.link = nullptr;
    --queued_;
}

pool_work* thread_pool::take() noexcept {
    pool_work* first = head_;
    if (first) unlink(*first);
    return first;
}

bool thread_pool::start_thread() noexcept {
    sys::signal_mask saved = sys::block_signals();
    bool started = false;
    try {
        threads_.emplace_back([this] { serve(); }); // waits for the guard
        started = true;
        ++live_;
    } catch (const std::exception& e) {
        log_line(log_level::warning, "no further thread for the pool ", name_, ": ", e.what());
    }
    sys::restore_signals(saved);
    return started;
}

// Joins the threads that have ended; they hold the guard no more, or only to let go of it.
void thread_pool::reap(std::unique_lock<std::mutex>& held) noexcept {
    while (!finished_.empty()) {
        auto at = std::find_if(threads_.begin(), threads_.end(),
                               [&](std::thread& t) { return t.get_id() == finished_.back(); });
        finished_.pop_back();
        std::thread ended = std::move(*at);
        if (at + 1 != threads_.end()) *at = std::move(threads_.back());
        threads_.pop_back();
        held.unlock();
        ended.join();
        held.lock();
    }
}

void thread_pool::serve() noexcept {
    sys::name_thread(name_);
    std::unique_lock held(guard_);
    for (;;) {
        if (pool_work* work = take()) {
            held.unlock();
            work->run(*work); // may destroy the work
            held.lock();
            continue;
        }
        if (closing_) break;
        ++idle_;
        bool woken = wake_.wait_for(held, std::chrono::seconds(idle_seconds),
                                    [this] { return head_ != nullptr || closing_; });
        --idle_;
        if (!woken) {
            finished_.push_back(std::this_thread::get_id());
            break;
        }
    }
    --live_;
}

} // namespace weft
