// watch: the latest value of something, and a way to wait for the next. Tests: core/channel_test.cpp.
#pragma once

#include <cstdint>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Keeps one value. Who watches gets the newest, and may miss those in between.
//
// What was written before set() is seen by those who get that value. watch: changed() in tasks on any executor, the
// rest from any thread or interrupt; values are copied with interrupts masked, so copies are short. local::watch: for
// a program with one executor, in tasks only; no atomics. Must outlive its observers. No allocation. The copies of T
// do not throw.
template <class T, class Lock> class basic_watch {
    static_assert(std::is_nothrow_copy_constructible_v<T> && std::is_nothrow_move_assignable_v<T>,
                  "a watch's value is copied while nobody can handle an exception");

  public:
    class observer;
    using value_type = T;

    explicit constexpr basic_watch(T first = T()) noexcept : value_(std::move(first)) {}
    basic_watch(const basic_watch&) = delete;
    basic_watch& operator=(const basic_watch&) = delete;

    // Observers that wait go on, in the order in which they came. No effect after close().
    void set(T value) noexcept {
        lock_.lock();
        waiter* all = nullptr;
        if (!closed_) {
            value_ = std::move(value);
            ++version_;
            all = queue_.take_all();
        }
        lock_.unlock();
        queue_.resume_all(all);
    }
    T get() const noexcept {
        lock_guard section(lock_);
        return value_;
    }

    // The value is the last: who has seen it gets errc::closed. Idempotent.
    void close() noexcept {
        lock_.lock();
        closed_ = true;
        waiter* all = queue_.take_all();
        lock_.unlock();
        queue_.resume_all(all);
    }

    // An observer to whom the present value is no news.
    observer observe() noexcept { return observer(*this); }

  private:
    template <class, class> friend class queued_operation;

    [[no_unique_address]] mutable Lock lock_;
    bool closed_ = false;
    std::uint64_t version_ = 0;
    wait_queue<Lock> queue_;
    T value_;
};

// Remembers which value it has seen last. One changed() at a time.
template <class T, class Lock> class basic_watch<T, Lock>::observer {
  public:
    class changed_operation;

    explicit observer(basic_watch& w) noexcept : watch_(&w) {
        lock_guard section(w.lock_);
        seen_ = w.version_;
    }

    // Waits until the value is another than the one last seen here, and yields it as result<T>: errc::closed if there
    // will be none, errc::cancelled if a stop came first, and what has changed meanwhile is news to the next
    // changed(). Resumes on the home executor, within the same turn if there is news.
    changed_operation changed() noexcept { return changed_operation(*this); }
    // Without waiting: errc::would_block.
    result<T> try_changed() noexcept {
        lock_guard section(watch_->lock_);
        if (seen_ == watch_->version_) return failure(watch_->closed_ ? errc::closed : errc::would_block);
        seen_ = watch_->version_;
        return watch_->value_;
    }

  private:
    basic_watch* watch_;
    std::uint64_t seen_;
};

template <class T, class Lock>
class [[nodiscard("co_await it")]] basic_watch<T, Lock>::observer::changed_operation
    : public queued_operation<typename basic_watch<T, Lock>::observer::changed_operation> {
    using base = queued_operation<changed_operation>;

  public:
    using lock_type = Lock;
    explicit changed_operation(observer& o) noexcept : base(watching), observer_(o) {}

    result<T> await_resume() noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return observer_.try_changed();
    }

  private:
    friend base;
    basic_watch& subject() noexcept { return *observer_.watch_; }
    wait_queue<Lock>& queue() noexcept { return subject().queue_; }
    bool attempt(branch&, waiter_list&) noexcept {
        return observer_.seen_ != subject().version_ || subject().closed_;
    }
    static constexpr leaf_kind watching{"watch", &base::cancel};

    observer& observer_;
};

template <class T> using watch = basic_watch<T, spin_lock>;
namespace local {
template <class T> using watch = basic_watch<T, no_lock>;
}

} // namespace weft
