// oneshot: one value, once. Tests: core/channel_test.cpp.
#pragma once

#include <weft/core/machine/slot.hpp>
#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// The answer to a question. Sending never waits. Cancelling loses nothing: a receiver that was handed the value yields
// it in spite of the stop, and one that was cancelled before leaves it for the next recv().
//
// What was written before send() is seen after recv(). oneshot: recv() in tasks on any executor, the rest from any
// thread or interrupt. local::oneshot: for a program with one executor, in tasks only; no atomics. Must outlive its
// waits; the receiver may destroy it as soon as it goes on. No allocation. The moves of T do not throw.
template <class T, class Lock> class basic_oneshot {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "a oneshot's value is moved while nobody can handle an exception");

  public:
    class recv_operation;
    using value_type = T;

    constexpr basic_oneshot() noexcept = default;
    basic_oneshot(const basic_oneshot&) = delete;
    basic_oneshot& operator=(const basic_oneshot&) = delete;
    constexpr ~basic_oneshot()
        requires std::is_trivially_destructible_v<T>
    = default;
    constexpr ~basic_oneshot() {
        if (state_ == state::full) value_.drop();
    }

    // errc::already_exists if a value was sent before, errc::closed after close(); the value is untouched then.
    template <class U = T> result<void> send(U&& value) noexcept {
        static_assert(std::is_nothrow_constructible_v<T, U>, "give a T: making it from this may throw");
        lock_.lock();
        if (state_ != state::empty) {
            errc why = state_ == state::closed ? errc::closed : errc::already_exists;
            lock_.unlock();
            return failure(why);
        }
        waiter* first = queue_.pop();
        waiter* others = queue_.take_all();
        state_ = first ? state::taken : state::full;
        if (!first) value_.put(std::forward<U>(value));
        lock_.unlock();
        if (first) static_cast<recv_operation*>(first)->accept(std::forward<U>(value));
        if (first) queue_.resume(*first);
        queue_.resume_all(others); // who find it taken
        return {};
    }

    // Waits for the value and yields result<T>: errc::closed if there will be none, or another receiver has it;
    // errc::cancelled if a stop came first. Resumes on the home executor, within the same turn if the value is there.
    recv_operation recv() noexcept { return recv_operation(*this); }

    // errc::would_block or errc::closed if there is nothing to take.
    result<T> try_recv() noexcept {
        slot<T> got;
        lock_.lock();
        state before = state_;
        if (before == state::full) take(got);
        lock_.unlock();
        if (before == state::full) return got.take();
        return failure(before == state::empty ? errc::would_block : errc::closed);
    }

    // Either end gives up: nothing can be sent any more. A value that was sent can still be received. Idempotent.
    void close() noexcept {
        lock_.lock();
        if (state_ == state::empty) state_ = state::closed;
        waiter* all = queue_.take_all();
        lock_.unlock();
        queue_.resume_all(all);
    }

  private:
    template <class, class> friend class queued_operation;
    enum class state : unsigned char { empty, full, taken, closed };

    void take(slot<T>& into) noexcept {
        into.put(std::move(value_.value));
        value_.drop();
        state_ = state::taken;
    }

    [[no_unique_address]] Lock lock_;
    state state_ = state::empty;
    wait_queue<Lock> queue_; // while the state is empty
    slot<T> value_;
};

template <class T, class Lock>
class [[nodiscard("co_await it")]] basic_oneshot<T, Lock>::recv_operation
    : public queued_operation<typename basic_oneshot<T, Lock>::recv_operation> {
    using base = queued_operation<recv_operation>;

  public:
    using lock_type = Lock;
    explicit recv_operation(basic_oneshot& o) noexcept : base(receiving), oneshot_(o) {}
    ~recv_operation() {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if (full_) value_.drop();
        }
    }

    result<T> await_resume() noexcept {
        if (full_) return std::move(value_.value);
        return failure(this->was_cancelled() ? errc::cancelled : errc::closed);
    }

  private:
    friend base;
    friend basic_oneshot;
    basic_oneshot& subject() noexcept { return oneshot_; }
    wait_queue<Lock>& queue() noexcept { return oneshot_.queue_; }
    bool attempt(branch&, waiter_list&) noexcept {
        if (oneshot_.state_ == state::full) {
            oneshot_.take(value_);
            full_ = true;
        }
        return oneshot_.state_ != state::empty;
    }
    template <class U> void accept(U&& value) noexcept {
        value_.put(std::forward<U>(value));
        full_ = true;
    }
    static constexpr leaf_kind receiving{"oneshot", &base::cancel};

    basic_oneshot& oneshot_;
    bool full_ = false;
    slot<T> value_;
};

template <class T> using oneshot = basic_oneshot<T, spin_lock>;
namespace local {
template <class T> using oneshot = basic_oneshot<T, no_lock>;
}

} // namespace weft
