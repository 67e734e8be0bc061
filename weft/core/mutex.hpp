// mutex: one task at a time, and the others wait their turn.
#pragma once

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Fair: unlock() hands the mutex to the one that has waited longest, and nobody overtakes. Not recursive.
//
// What was written before unlock() is seen after the lock() that follows. mutex: lock() in tasks on any executor,
// try_lock() and unlock() also from threads and interrupts. local::mutex: for a program with one executor, in tasks
// only; no atomics. Must outlive its waits and guards. No allocation.
template <class Lock> class basic_mutex {
  public:
    class guard;
    class lock_operation;

    constexpr basic_mutex() noexcept = default;
    basic_mutex(const basic_mutex&) = delete;
    basic_mutex& operator=(const basic_mutex&) = delete;

    // Waits for its turn and yields result<guard>, which unlocks when it goes; errc::cancelled if a stop came first.
    // Resumes on the home executor, within the same turn if the mutex is free. A stop that comes after the mutex was
    // handed over changes nothing: the guard is yielded.
    lock_operation lock() noexcept { return lock_operation(*this); }

    // The guard, or errc::would_block.
    result<guard> try_lock() noexcept {
        {
            lock_guard section(lock_);
            if (locked_) return failure(errc::would_block);
            locked_ = true;
            holder_ = running_branch();
        }
        return guard(*this);
    }

    // For the holder; guards call it.
    void unlock() noexcept {
        lock_.lock();
        waiter* next = queue_.pop();
        locked_ = next != nullptr;
        holder_ = next ? next->owner : nullptr;
        lock_.unlock();
        if (next) queue_.resume(*next);
    }

    // For dumps: who has locked it; nullptr if nobody has, or no task.
    const branch* holder() const noexcept { return holder_; }
    bool is_locked() const noexcept { return locked_; }

  private:
    template <class, class> friend class queued_operation;
    template <class> friend class basic_condition;

    static branch* running_branch() noexcept {
        executor* here = port::current();
        job* j = here ? here->running() : nullptr;
        return j && !j->is_message() ? static_cast<branch*>(j) : nullptr;
    }
    // A suspended waiter of another kind wants the mutex: it is resumed when it holds it. In no queue so far.
    void lock_for(waiter& w) noexcept {
        lock_.lock();
        bool free = !locked_;
        if (free) {
            locked_ = true;
            holder_ = w.owner;
        } else {
            queue_.push(w);
        }
        lock_.unlock();
        if (free) queue_.resume(w);
    }

    [[no_unique_address]] Lock lock_;
    bool locked_ = false;
    branch* holder_ = nullptr;
    wait_queue<Lock> queue_;
};

// Holds the mutex as long as it lives. Move-only; may go to another task.
template <class Lock> class [[nodiscard("the mutex is unlocked at once")]] basic_mutex<Lock>::guard {
  public:
    constexpr guard() noexcept = default;
    // Takes over a mutex that the caller has locked.
    explicit guard(basic_mutex& locked) noexcept : mutex_(&locked) {}
    guard(guard&& other) noexcept : mutex_(other.mutex_) { other.mutex_ = nullptr; }
    guard& operator=(guard&& other) noexcept {
        basic_mutex* taken = other.mutex_;
        other.mutex_ = nullptr;
        unlock();
        mutex_ = taken;
        return *this;
    }
    ~guard() { unlock(); }

    // Before its time; idempotent.
    void unlock() noexcept {
        basic_mutex* held = mutex_;
        mutex_ = nullptr;
        if (held) held->unlock();
    }
    // False: moved from, or unlocked.
    explicit operator bool() const noexcept { return mutex_ != nullptr; }
    basic_mutex* mutex() const noexcept { return mutex_; }

  private:
    basic_mutex* mutex_ = nullptr;
};

template <class Lock>
class [[nodiscard("co_await it")]] basic_mutex<Lock>::lock_operation
    : public queued_operation<typename basic_mutex<Lock>::lock_operation> {
    using base = queued_operation<lock_operation>;

  public:
    using lock_type = Lock;
    explicit lock_operation(basic_mutex& m) noexcept : base(locking), mutex_(m) {}

    result<guard> await_resume() noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return guard(mutex_);
    }

  private:
    friend base;
    basic_mutex& subject() noexcept { return mutex_; }
    wait_queue<Lock>& queue() noexcept { return mutex_.queue_; }
    bool attempt(branch& b, waiter_list&) noexcept {
        if (mutex_.locked_) return false;
        mutex_.locked_ = true;
        mutex_.holder_ = &b;
        return true;
    }
    static constexpr leaf_kind locking{"mutex", &base::cancel};

    basic_mutex& mutex_;
};

using mutex = basic_mutex<spin_lock>;
namespace local {
using mutex = basic_mutex<no_lock>;
}

} // namespace weft
