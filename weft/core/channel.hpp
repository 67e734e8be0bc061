// channel: values from many senders to many receivers, with a bounded store between them.
#pragma once

#include <cstddef>
#include <span>

#include <weft/core/machine/slot.hpp>
#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

template <class T, std::size_t N, class Lock> class basic_channel;

// Each value goes to one receiver. First in, first out, for values, waiting senders and waiting receivers alike. A
// value that meets a waiting receiver goes straight into its frame. Without slots sender and receiver meet.
//
// Cancelling loses nothing: a receiver that was handed a value yields it in spite of the stop, and a sender that
// yields errc::cancelled has not sent.
//
// What was written before send() is seen after the recv() of that value. channel: send() and recv() in tasks on any
// executor, the rest from any thread or interrupt; values in slots are moved with interrupts masked, so moves are
// short. local::channel: for a program with one executor, in tasks only; no atomics. Must outlive its waits. No
// allocation. The moves of T do not throw.
//
//     weft::channel<int, 16> inbox;                                 // with slots of its own
//     weft::slot<int> memory[64]; weft::channel<int> outbox(memory); // in memory of the caller's
//
// The first kind converts to the second, so that a function takes weft::channel<int>&.
template <class T, class Lock> class basic_channel<T, std::dynamic_extent, Lock> {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "a channel's values are moved while nobody can handle an exception");

  public:
    class send_operation;
    class recv_operation;
    using value_type = T;

    // `slots` are empty, and outlive the channel.
    explicit constexpr basic_channel(std::span<slot<T>> slots) noexcept
        : slots_(slots.data()), capacity_(slots.size()) {}
    basic_channel(const basic_channel&) = delete;
    basic_channel& operator=(const basic_channel&) = delete;
    constexpr ~basic_channel()
        requires std::is_trivially_destructible_v<T>
    = default;
    // Values that nobody took are destroyed.
    constexpr ~basic_channel() {
        while (size_ != 0) pop_slot().drop();
    }

    // Waits until a receiver or a slot takes the value. Yields a result<void>: errc::closed, also when close() comes
    // while it waits; errc::cancelled if a stop came first. After an error the value is still in the operation:
    //
    //     auto sending = inbox.send(std::move(job));
    //     auto sent = co_await sending;
    //     if (!sent) put_back(std::move(sending.value()));
    //
    // Resumes on the home executor, within the same turn if it need not wait.
    template <class U = T> send_operation send(U&& value) {
        return send_operation(*this, std::forward<U>(value));
    }

    // Waits for a value and yields result<T>: errc::closed when the channel is closed and drained, errc::cancelled if
    // a stop came first. Resumes on the home executor, within the same turn if a value is there.
    recv_operation recv() noexcept { return recv_operation(*this); }

    // Sends without waiting: errc::would_block or errc::closed, and the value is untouched then.
    template <class U = T> result<void> try_send(U&& value) noexcept {
        static_assert(std::is_nothrow_constructible_v<T, U>, "give a T: making it from this may throw");
        lock_.lock();
        if (closed_) {
            lock_.unlock();
            return failure(errc::closed);
        }
        if (waiter* w = receivers_.pop()) {
            lock_.unlock();
            static_cast<recv_operation*>(w)->accept(std::forward<U>(value));
            receivers_.resume(*w);
            return {};
        }
        bool room = size_ < capacity_;
        if (room) push_slot().put(std::forward<U>(value));
        lock_.unlock();
        if (!room) return failure(errc::would_block);
        return {};
    }
    // Receives without waiting: errc::would_block or errc::closed.
    result<T> try_recv() noexcept {
        slot<T> got;
        waiter* freed = nullptr;
        lock_.lock();
        bool any = take(got, freed);
        bool closed = closed_;
        lock_.unlock();
        if (freed) senders_.resume(*freed);
        if (!any) return failure(closed ? errc::closed : errc::would_block);
        return got.take();
    }

    // No more values: waiting and later senders get errc::closed and keep their values, receivers get what is stored
    // and errc::closed after it. Idempotent.
    void close() noexcept {
        lock_.lock();
        closed_ = true;
        waiter* senders = senders_.take_all();
        waiter* receivers = receivers_.take_all();
        lock_.unlock();
        for (waiter* w = senders; w; w = w->next) static_cast<send_operation*>(w)->outcome_ = errc::closed;
        for (waiter* w = receivers; w; w = w->next) static_cast<recv_operation*>(w)->outcome_ = errc::closed;
        receivers_.resume_all(receivers);
        senders_.resume_all(senders);
    }

    // A moment's truth.
    bool is_closed() const noexcept {
        lock_guard section(lock_);
        return closed_;
    }
    std::size_t size() const noexcept {
        lock_guard section(lock_);
        return size_;
    }
    std::size_t capacity() const noexcept { return capacity_; }

  private:
    slot<T>& pop_slot() noexcept {
        slot<T>& s = slots_[first_];
        if (++first_ == capacity_) first_ = 0;
        --size_;
        return s;
    }
    slot<T>& push_slot() noexcept {
        std::size_t at = first_ + size_;
        if (at >= capacity_) at -= capacity_;
        ++size_;
        return slots_[at];
    }
    // Under the lock. The next value goes to `into`; a sender that need not wait any longer, to `freed`.
    bool take(slot<T>& into, waiter*& freed) noexcept {
        if (size_ != 0) {
            slot<T>& s = pop_slot();
            into.put(std::move(s.value));
            s.drop();
            freed = senders_.pop();
            if (freed) push_slot().put(static_cast<send_operation*>(freed)->give());
            return true;
        }
        freed = senders_.pop();
        if (!freed) return false;
        into.put(static_cast<send_operation*>(freed)->give());
        return true;
    }

    [[no_unique_address]] mutable Lock lock_;
    bool closed_ = false;
    slot<T>* slots_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    // Receivers wait only while nothing is stored and no sender waits.
    wait_queue<Lock> senders_;
    wait_queue<Lock> receivers_;
};

template <class T, class Lock>
class [[nodiscard("co_await it")]] basic_channel<T, std::dynamic_extent, Lock>::send_operation
    : public operation<typename basic_channel<T, std::dynamic_extent, Lock>::send_operation, waiter> {
    using base = operation<send_operation, waiter>;

  public:
    template <class U>
    send_operation(basic_channel& c, U&& value)
        : base(sending), channel_(c), value_(std::forward<U>(value)) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            outcome_ = errc::cancelled;
            return this->yield(b, then);
        }
        basic_channel& c = channel_;
        c.lock_.lock();
        if (waiter* w = c.receivers_.pop()) { // none waits on a closed channel
            c.lock_.unlock();
            static_cast<recv_operation*>(w)->accept(give());
            c.receivers_.resume(*w);
            return this->finish_now(b, then);
        }
        bool settled = true;
        if (c.closed_) {
            outcome_ = errc::closed;
        } else if (c.size_ < c.capacity_) {
            c.push_slot().put(give());
        } else {
            settled = false;
            this->suspend(b, then);
            c.senders_.push(*this);
        }
        c.lock_.unlock();
        return settled ? this->finish_now(b, then) : true;
    }
    result<void> await_resume() const noexcept {
        if (outcome_ != errc::none) [[unlikely]]
            return failure(outcome_);
        return {};
    }

    // The value, while it has not been sent; moved from afterwards.
    T& value() noexcept { return value_; }

  private:
    friend basic_channel;
    T&& give() noexcept { return std::move(value_); }
    static void cancel(leaf& l) noexcept {
        auto& self = static_cast<send_operation&>(l);
        basic_channel& c = self.channel_;
        c.lock_.lock();
        bool waited = c.senders_.remove(self);
        c.lock_.unlock();
        if (!waited) return; // sent, or closed
        self.outcome_ = errc::cancelled;
        self.owner->post();
    }
    static constexpr leaf_kind sending{"channel, to send", &cancel};

    basic_channel& channel_;
    errc outcome_ = errc::none;
    T value_;
};

template <class T, class Lock>
class [[nodiscard("co_await it")]] basic_channel<T, std::dynamic_extent, Lock>::recv_operation
    : public operation<typename basic_channel<T, std::dynamic_extent, Lock>::recv_operation, waiter> {
    using base = operation<recv_operation, waiter>;

  public:
    explicit recv_operation(basic_channel& c) noexcept : base(receiving), channel_(c) {}
    // A value that was handed over and never looked at.
    ~recv_operation() {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if (outcome_ == errc::none) value_.drop();
        }
    }

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            outcome_ = errc::cancelled;
            return this->yield(b, then);
        }
        basic_channel& c = channel_;
        waiter* freed = nullptr;
        c.lock_.lock();
        if (c.take(value_, freed)) {
            c.lock_.unlock();
            outcome_ = errc::none;
            if (freed) c.senders_.resume(*freed);
            return this->finish_now(b, then);
        }
        if (c.closed_) {
            c.lock_.unlock();
            outcome_ = errc::closed;
            return this->finish_now(b, then);
        }
        this->suspend(b, then);
        c.receivers_.push(*this);
        c.lock_.unlock();
        return true;
    }
    result<T> await_resume() noexcept {
        if (outcome_ != errc::none) [[unlikely]]
            return failure(outcome_);
        return std::move(value_.value);
    }

  private:
    friend basic_channel;
    // After it was taken out of the queue.
    template <class U> void accept(U&& value) noexcept {
        value_.put(std::forward<U>(value));
        outcome_ = errc::none;
    }
    static void cancel(leaf& l) noexcept {
        auto& self = static_cast<recv_operation&>(l);
        basic_channel& c = self.channel_;
        c.lock_.lock();
        bool waited = c.receivers_.remove(self);
        c.lock_.unlock();
        if (!waited) return; // a value has come, or the end
        self.outcome_ = errc::cancelled;
        self.owner->post();
    }
    static constexpr leaf_kind receiving{"channel, to receive", &cancel};

    basic_channel& channel_;
    errc outcome_ = errc::would_block; // errc::none: the value is there
    slot<T> value_;
};

namespace detail {

template <class T, std::size_t N> struct channel_memory {
    slot<T> slots[N];
};
template <class T> struct channel_memory<T, 0> {
    static constexpr slot<T>* slots = nullptr;
};

} // namespace detail

// With N slots of its own; 0: sender and receiver meet.
template <class T, std::size_t N, class Lock>
class basic_channel : detail::channel_memory<T, N>, public basic_channel<T, std::dynamic_extent, Lock> {
  public:
    constexpr basic_channel() noexcept
        : basic_channel<T, std::dynamic_extent, Lock>(std::span<slot<T>>(this->slots, N)) {}
};

template <class T, std::size_t N = std::dynamic_extent> using channel = basic_channel<T, N, spin_lock>;
namespace local {
template <class T, std::size_t N = std::dynamic_extent> using channel = basic_channel<T, N, no_lock>;
}

} // namespace weft
