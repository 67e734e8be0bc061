// broadcast: every receiver gets every value, or is told how many it missed. Tests: core/channel_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/machine/slot.hpp>
#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

// Keeps the last N values. Sending never waits: it overwrites the oldest, and a receiver that had not come so far gets
// errc::lagged once, with the number of values that it missed as the error's native code, and then goes on with the
// oldest that is left. Receivers are woken in the order in which they came.
//
// Cancelling loses nothing: a value counts as received when recv() yields it.
//
// What was written before send() is seen after the recv() of that value. broadcast: recv() in tasks on any executor,
// the rest from any thread or interrupt; values are copied with interrupts masked, so copies are short.
// local::broadcast: for a program with one executor, in tasks only; no atomics. Must outlive its receivers. No
// allocation. The copies of T do not throw.
template <class T, std::size_t N, class Lock> class basic_broadcast {
    static_assert(N > 0, "a broadcast keeps one value at least");
    static_assert(std::is_nothrow_copy_constructible_v<T> && std::is_nothrow_move_constructible_v<T>,
                  "a broadcast's values are copied while nobody can handle an exception");

  public:
    class receiver;
    using value_type = T;

    constexpr basic_broadcast() noexcept = default;
    basic_broadcast(const basic_broadcast&) = delete;
    basic_broadcast& operator=(const basic_broadcast&) = delete;
    constexpr ~basic_broadcast()
        requires std::is_trivially_destructible_v<T>
    = default;
    constexpr ~basic_broadcast() {
        for (std::uint64_t i = oldest(); i != sent_; ++i) at(i).drop();
    }

    // errc::closed after close(); nothing else can go wrong, also without receivers.
    template <class U = T> result<void> send(U&& value) noexcept {
        static_assert(std::is_nothrow_constructible_v<T, U>, "give a T: making it from this may throw");
        lock_.lock();
        if (closed_) {
            lock_.unlock();
            return failure(errc::closed);
        }
        if (sent_ >= N) at(sent_).drop();
        at(sent_).put(std::forward<U>(value));
        ++sent_;
        waiter* all = queue_.take_all();
        lock_.unlock();
        queue_.resume_all(all);
        return {};
    }

    // No more values: receivers get what is kept, and errc::closed after it. Idempotent.
    void close() noexcept {
        lock_.lock();
        closed_ = true;
        waiter* all = queue_.take_all();
        lock_.unlock();
        queue_.resume_all(all);
    }

    // A receiver of the values that are sent from now on.
    receiver subscribe() noexcept { return receiver(*this); }

  private:
    template <class, class> friend class queued_operation;

    slot<T>& at(std::uint64_t number) noexcept { return slots_[number % N]; }
    std::uint64_t oldest() const noexcept { return sent_ < N ? 0 : sent_ - N; }
    // What a receiver that has got as far as `next` gets.
    result<T> read(std::uint64_t& next) noexcept {
        lock_guard section(lock_);
        if (next == sent_) return failure(closed_ ? errc::closed : errc::would_block);
        std::uint64_t missed = oldest() > next ? oldest() - next : 0;
        next += missed;
        if (missed > INT32_MAX) missed = INT32_MAX;
        if (missed) return failure(error(errc::lagged, static_cast<std::int32_t>(missed)));
        return at(next++).value;
    }

    [[no_unique_address]] Lock lock_;
    bool closed_ = false;
    std::uint64_t sent_ = 0;
    wait_queue<Lock> queue_;
    slot<T> slots_[N];
};

// One place in the stream of values. One recv() at a time; copies go on from the same place.
template <class T, std::size_t N, class Lock> class basic_broadcast<T, N, Lock>::receiver {
  public:
    class recv_operation;

    explicit receiver(basic_broadcast& b) noexcept : broadcast_(&b) {
        lock_guard section(b.lock_);
        next_ = b.sent_;
    }

    // Waits for the next value and yields result<T>: errc::lagged with the number of values missed as its native code
    // (INT32_MAX for more), errc::closed when the broadcast is closed and this receiver has had all,
    // errc::cancelled if a stop came first. Resumes on the home executor, within the same turn if a value is there.
    recv_operation recv() noexcept { return recv_operation(*this); }
    // The same without waiting: errc::would_block.
    result<T> try_recv() noexcept { return broadcast_->read(next_); }

  private:
    basic_broadcast* broadcast_;
    std::uint64_t next_;
};

template <class T, std::size_t N, class Lock>
class [[nodiscard("co_await it")]] basic_broadcast<T, N, Lock>::receiver::recv_operation
    : public queued_operation<typename basic_broadcast<T, N, Lock>::receiver::recv_operation> {
    using base = queued_operation<recv_operation>;

  public:
    using lock_type = Lock;
    explicit recv_operation(receiver& r) noexcept : base(receiving), receiver_(r) {}

    result<T> await_resume() noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return receiver_.try_recv();
    }

  private:
    friend base;
    basic_broadcast& subject() noexcept { return *receiver_.broadcast_; }
    wait_queue<Lock>& queue() noexcept { return subject().queue_; }
    bool attempt(branch&, waiter_list&) noexcept {
        return receiver_.next_ != subject().sent_ || subject().closed_;
    }
    static constexpr leaf_kind receiving{"broadcast", &base::cancel};

    receiver& receiver_;
};

template <class T, std::size_t N> using broadcast = basic_broadcast<T, N, spin_lock>;
namespace local {
template <class T, std::size_t N> using broadcast = basic_broadcast<T, N, no_lock>;
}

} // namespace weft
