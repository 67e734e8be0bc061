// barrier: a number of tasks meet, again and again.
#pragma once

#include <cstddef>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Each phase ends when as many tasks have arrived as the barrier expects; then the next begins.
//
// What each task wrote before it arrived is seen by all after the phase. barrier: arrive_and_wait() in tasks on any
// executor, drop() from any thread or interrupt. local::barrier: for a program with one executor, in tasks only; no
// atomics. Must outlive its waits. No allocation.
template <class Lock> class basic_barrier {
  public:
    class wait_operation;

    explicit constexpr basic_barrier(std::size_t expected) noexcept : expected_(expected) {}
    basic_barrier(const basic_barrier&) = delete;
    basic_barrier& operator=(const basic_barrier&) = delete;

    // Arrives and waits for the others. Yields true for the one that came last and so ended the phase, false for the
    // others; errc::cancelled if a stop came first: then the arrival is taken back, and the phase waits for another.
    // Resumes on the home executor, the last one within the same turn, the others in the order of their arrival.
    wait_operation arrive_and_wait() noexcept { return wait_operation(*this); }

    // From now on one arrival less is expected; may end the phase. Not more often than arrivals are expected.
    void drop() noexcept {
        waiter_list freed;
        lock_.lock();
        if (expected_ == 0) port::panic("a barrier was dropped more often than it expects arrivals");
        --expected_;
        if (arrived_ == expected_) end_phase(freed);
        lock_.unlock();
        queue_.resume_all(freed.first());
    }

    std::size_t expected() const noexcept {
        lock_guard section(lock_);
        return expected_;
    }

  private:
    template <class, class> friend class queued_operation;

    void end_phase(waiter_list& freed) noexcept {
        arrived_ = 0;
        freed.take(queue_.take_all());
    }

    [[no_unique_address]] mutable Lock lock_;
    std::size_t expected_;
    std::size_t arrived_ = 0;
    wait_queue<Lock> queue_;
};

template <class Lock>
class [[nodiscard("co_await it")]] basic_barrier<Lock>::wait_operation
    : public queued_operation<typename basic_barrier<Lock>::wait_operation> {
    using base = queued_operation<wait_operation>;

  public:
    using lock_type = Lock;
    explicit wait_operation(basic_barrier& b) noexcept : base(waiting), barrier_(b) {}

    result<bool> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return last_;
    }

  private:
    friend base;
    basic_barrier& subject() noexcept { return barrier_; }
    wait_queue<Lock>& queue() noexcept { return barrier_.queue_; }
    bool attempt(branch&, waiter_list& freed) noexcept {
        if (++barrier_.arrived_ < barrier_.expected_) return false;
        last_ = true;
        barrier_.end_phase(freed);
        return true;
    }
    void withdrawn(waiter_list&) noexcept { --barrier_.arrived_; }
    static constexpr leaf_kind waiting{"barrier", &base::cancel};

    basic_barrier& barrier_;
    bool last_ = false;
};

using barrier = basic_barrier<spin_lock>;
namespace local {
using barrier = basic_barrier<no_lock>;
}

} // namespace weft
