// semaphore: a number of permits, taken and given back.
#pragma once

#include <cstddef>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Fair: requests are served in their order; a small one does not overtake a big one that waits for enough permits.
//
// What was written before release() is seen after the acquire() that it lets go on. semaphore: acquire() in tasks on
// any executor, the rest from any thread or interrupt. local::semaphore: for a program with one executor, in tasks
// only; no atomics. Must outlive its waits. No allocation.
template <class Lock> class basic_semaphore {
  public:
    class acquire_operation;

    explicit constexpr basic_semaphore(std::size_t permits) noexcept : permits_(permits) {}
    basic_semaphore(const basic_semaphore&) = delete;
    basic_semaphore& operator=(const basic_semaphore&) = delete;

    // Waits for `n` permits and takes them all at once; yields errc::cancelled, and takes none, if a stop came first.
    // A stop that comes after the permits were handed over changes nothing. Resumes on the home executor, within the
    // same turn if there are enough.
    acquire_operation acquire(std::size_t n = 1) noexcept { return acquire_operation(*this, n); }

    // False if it would have to wait, also behind others.
    bool try_acquire(std::size_t n = 1) noexcept {
        lock_guard section(lock_);
        return take(n);
    }

    // Gives `n` permits back, or adds new ones.
    void release(std::size_t n = 1) noexcept {
        waiter_list freed;
        lock_.lock();
        if (__builtin_add_overflow(permits_, n, &permits_)) port::panic("a semaphore has too many permits");
        serve(freed);
        lock_.unlock();
        queue_.resume_all(freed.first());
    }

    // A moment's truth.
    std::size_t available() const noexcept {
        lock_guard section(lock_);
        return permits_;
    }

  private:
    template <class, class> friend class queued_operation;

    bool take(std::size_t n) noexcept {
        if (permits_ < n || !queue_.empty()) return false;
        permits_ -= n;
        return true;
    }
    void serve(waiter_list& freed) noexcept;

    [[no_unique_address]] mutable Lock lock_;
    std::size_t permits_;
    wait_queue<Lock> queue_;
};

template <class Lock>
class [[nodiscard("co_await it")]] basic_semaphore<Lock>::acquire_operation
    : public queued_operation<typename basic_semaphore<Lock>::acquire_operation> {
    using base = queued_operation<acquire_operation>;

  public:
    using lock_type = Lock;
    acquire_operation(basic_semaphore& s, std::size_t n) noexcept
        : base(acquiring), semaphore_(s), wanted_(n) {}

    result<void> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    friend base;
    friend basic_semaphore;
    basic_semaphore& subject() noexcept { return semaphore_; }
    wait_queue<Lock>& queue() noexcept { return semaphore_.queue_; }
    bool attempt(branch&, waiter_list&) noexcept { return semaphore_.take(wanted_); }
    // A big request that gives up may have held back smaller ones.
    void withdrawn(waiter_list& freed) noexcept { semaphore_.serve(freed); }
    static constexpr leaf_kind acquiring{"semaphore", &base::cancel};

    basic_semaphore& semaphore_;
    std::size_t wanted_;
};

template <class Lock> void basic_semaphore<Lock>::serve(waiter_list& freed) noexcept {
    queue_.pop_while(lock_, freed, [this](waiter& w) {
        std::size_t wanted = static_cast<acquire_operation&>(w).wanted_;
        if (wanted > permits_) return false;
        permits_ -= wanted;
        return true;
    });
}

using semaphore = basic_semaphore<spin_lock>;
namespace local {
using semaphore = basic_semaphore<no_lock>;
}

} // namespace weft
