// latch: wait until a number of things have happened. Tests: core/barrier_test.cpp.
#pragma once

#include <cstddef>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Counts down to zero once, and stays there.
//
// What was written before a count_down() is seen after the wait(). latch: wait() in tasks on any executor, the rest
// from any thread or interrupt. local::latch: for a program with one executor, in tasks only; no atomics. Must outlive
// its waits; the last waiter may destroy it as soon as it goes on. No allocation.
template <class Lock> class basic_latch {
  public:
    class wait_operation;

    explicit constexpr basic_latch(std::size_t count) noexcept : count_(count) {}
    basic_latch(const basic_latch&) = delete;
    basic_latch& operator=(const basic_latch&) = delete;

    // At zero the waiters go on, in the order in which they came.
    void count_down(std::size_t n = 1) noexcept {
        waiter* freed = nullptr;
        lock_.lock();
        if (n > count_) port::panic("a latch was counted down below zero");
        count_ -= n;
        if (count_ == 0) freed = queue_.take_all();
        lock_.unlock();
        queue_.resume_all(freed);
    }

    // Waits for zero; yields errc::cancelled if a stop came first. Resumes on the home executor, within the same turn
    // if the count is zero.
    wait_operation wait() noexcept { return wait_operation(*this); }

    bool try_wait() const noexcept {
        lock_guard section(lock_);
        return count_ == 0;
    }

  private:
    template <class, class> friend class queued_operation;

    [[no_unique_address]] mutable Lock lock_;
    std::size_t count_;
    wait_queue<Lock> queue_;
};

template <class Lock>
class [[nodiscard("co_await it")]] basic_latch<Lock>::wait_operation
    : public queued_operation<typename basic_latch<Lock>::wait_operation> {
    using base = queued_operation<wait_operation>;

  public:
    using lock_type = Lock;
    explicit wait_operation(basic_latch& l) noexcept : base(waiting), latch_(l) {}

    result<void> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    friend base;
    basic_latch& subject() noexcept { return latch_; }
    wait_queue<Lock>& queue() noexcept { return latch_.queue_; }
    bool attempt(branch&, waiter_list&) noexcept { return latch_.count_ == 0; }
    static constexpr leaf_kind waiting{"latch", &base::cancel};

    basic_latch& latch_;
};

using latch = basic_latch<spin_lock>;
namespace local {
using latch = basic_latch<no_lock>;
}

} // namespace weft
