// shared_mutex: many readers or one writer.
#pragma once

#include <cstdint>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Fair: readers and writers are served in the order in which they came. A reader that comes while a writer waits
// waits behind it, so no writer starves; readers that stand next to each other in the queue go in together. Not
// recursive: a reader that locks once more can wait for a writer that waits for it.
//
// What was written before an unlock is seen after the lock that follows. shared_mutex: the locks in tasks on any
// executor, unlocks and try_ also from threads and interrupts. local::shared_mutex: for a program with one executor,
// in tasks only; no atomics. Must outlive its waits and guards. No allocation.
template <class Lock> class basic_shared_mutex {
    enum class mode : bool { shared, exclusive };
    template <mode M> class guard_of;
    template <mode M> class lock_operation;

  public:
    using guard = guard_of<mode::exclusive>;
    using shared_guard = guard_of<mode::shared>;

    constexpr basic_shared_mutex() noexcept = default;
    basic_shared_mutex(const basic_shared_mutex&) = delete;
    basic_shared_mutex& operator=(const basic_shared_mutex&) = delete;

    // Each waits for its turn and yields result<guard> or result<shared_guard>; errc::cancelled if a stop came first.
    // A stop that comes after the lock was handed over changes nothing. Resumes on the home executor, within the same
    // turn if there is nothing to wait for.
    lock_operation<mode::exclusive> lock() noexcept { return lock_operation<mode::exclusive>(*this); }
    lock_operation<mode::shared> lock_shared() noexcept { return lock_operation<mode::shared>(*this); }

    // The guard, or errc::would_block, also where it would only have to wait behind others.
    result<guard> try_lock() noexcept { return try_for<mode::exclusive>(); }
    result<shared_guard> try_lock_shared() noexcept { return try_for<mode::shared>(); }

    // For the holders; guards call them.
    void unlock() noexcept { leave(mode::exclusive); }
    void unlock_shared() noexcept { leave(mode::shared); }

  private:
    template <class, class> friend class queued_operation;

    struct request : waiter {
        request(const leaf_kind& k, mode m) noexcept : waiter(k), wanted(m) {}
        mode wanted;
    };

    template <mode M> result<guard_of<M>> try_for() noexcept {
        {
            lock_guard section(lock_);
            if (!queue_.empty() || !admit(M)) return failure(errc::would_block);
        }
        return guard_of<M>(*this);
    }
    bool admit(mode m) noexcept {
        if (writing_ || (m == mode::exclusive && readers_ != 0)) return false;
        if (m == mode::exclusive)
            writing_ = true;
        else
            ++readers_;
        return true;
    }
    void serve(waiter_list& freed) noexcept;
    void leave(mode m) noexcept {
        waiter_list freed;
        lock_.lock();
        if (m == mode::exclusive)
            writing_ = false;
        else
            --readers_;
        serve(freed);
        lock_.unlock();
        queue_.resume_all(freed.first());
    }

    [[no_unique_address]] Lock lock_;
    bool writing_ = false;
    std::uint32_t readers_ = 0;
    wait_queue<Lock> queue_;
};

// Holds the lock as long as it lives. Move-only; may go to another task.
template <class Lock>
template <basic_shared_mutex<Lock>::mode M>
class [[nodiscard("the mutex is unlocked at once")]] basic_shared_mutex<Lock>::guard_of {
  public:
    constexpr guard_of() noexcept = default;
    explicit guard_of(basic_shared_mutex& locked) noexcept : mutex_(&locked) {}
    guard_of(guard_of&& other) noexcept : mutex_(other.mutex_) { other.mutex_ = nullptr; }
    guard_of& operator=(guard_of&& other) noexcept {
        basic_shared_mutex* taken = other.mutex_;
        other.mutex_ = nullptr;
        unlock();
        mutex_ = taken;
        return *this;
    }
    ~guard_of() { unlock(); }

    // Before its time; idempotent.
    void unlock() noexcept {
        basic_shared_mutex* held = mutex_;
        mutex_ = nullptr;
        if (held) held->leave(M);
    }
    explicit operator bool() const noexcept { return mutex_ != nullptr; }

  private:
    basic_shared_mutex* mutex_ = nullptr;
};

template <class Lock>
template <basic_shared_mutex<Lock>::mode M>
class [[nodiscard("co_await it")]] basic_shared_mutex<Lock>::lock_operation
    : public queued_operation<lock_operation<M>, typename basic_shared_mutex<Lock>::request> {
    using base = queued_operation<lock_operation<M>, request>;

  public:
    using lock_type = Lock;
    explicit lock_operation(basic_shared_mutex& m) noexcept : base(locking, M), mutex_(m) {}

    result<guard_of<M>> await_resume() noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return guard_of<M>(mutex_);
    }

  private:
    friend base;
    basic_shared_mutex& subject() noexcept { return mutex_; }
    wait_queue<Lock>& queue() noexcept { return mutex_.queue_; }
    bool attempt(branch&, waiter_list&) noexcept { return mutex_.queue_.empty() && mutex_.admit(M); }
    // A writer that gives up may have held back readers.
    void withdrawn(waiter_list& freed) noexcept { mutex_.serve(freed); }
    static constexpr leaf_kind locking{
        M == mode::exclusive ? "shared_mutex, to write" : "shared_mutex, to read", &base::cancel};

    basic_shared_mutex& mutex_;
};

template <class Lock> void basic_shared_mutex<Lock>::serve(waiter_list& freed) noexcept {
    queue_.pop_while(lock_, freed, [this](waiter& w) { return admit(static_cast<request&>(w).wanted); });
}

using shared_mutex = basic_shared_mutex<spin_lock>;
namespace local {
using shared_mutex = basic_shared_mutex<no_lock>;
}

} // namespace weft
