// serial: a UART with interrupts, as bytes in and out. What is particular to a chip's UART is the parameter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>

namespace weft::drivers {

// A UART as serial<> wants it; all members are called with interrupts masked.
//
//     acknowledge()      in its interrupt, first
//     bool can_send(), send(std::byte)
//     want_room(bool)    whether it is to interrupt when it can send (again)
//     bool can_receive(), std::byte receive()
//     bool has_lost()    whether bytes were lost since the last call, after those that can be received
//     listen(bool)       whether it is to interrupt when it can receive
//     bool is_idle()     everything has left
template <class U>
concept uart = requires(U& u, std::byte b, bool on) {
    u.acknowledge();
    { u.can_send() } -> std::same_as<bool>;
    u.send(b);
    u.want_room(on);
    { u.can_receive() } -> std::same_as<bool>;
    { u.receive() } -> std::same_as<std::byte>;
    { u.has_lost() } -> std::same_as<bool>;
    u.listen(on);
    { u.is_idle() } -> std::same_as<bool>;
};

// Meets hal::async_serial. Several readers, and several writers, are served first in, first out, and what they write does not
// mix. What comes while nobody reads stands in memory of the caller's; when that is full, the UART is left alone until there
// is room, and loses what it has no room for. Operations in tasks on any executor; interrupt() in the UART's interrupts.
// No allocation, but for flush(). Must outlive its waits and its interrupts.
template <uart Uart> class serial {
  public:
    class read_operation;
    class write_operation;

    // `memory`, at least one byte, outlives it. The UART is set up; from here on it interrupts.
    serial(const Uart& hardware, std::span<std::byte> memory) noexcept
        : uart_(hardware), memory_(memory.data()), room_(memory.size()) {
        if (room_ == 0) port::panic("a serial port needs memory for what it receives");
        uart_.listen(true);
    }
    serial(const serial&) = delete;
    serial& operator=(const serial&) = delete;

    // Yields how many bytes have come, at least one, or 0 for an empty buffer; errc::lagged where bytes were lost, once, in
    // place of them; errc::cancelled if a stop came first: then no byte was taken. Resumes on the home executor.
    read_operation read_some(std::span<std::byte> to) noexcept { return read_operation(*this, to); }
    // Returns when the UART has taken the last byte, and yields how many there were. errc::cancelled after a stop; the
    // operation's written() is how many have gone by then, and they go on their way. Resumes on the home executor.
    write_operation write_all(std::span<const std::byte> from) noexcept {
        return write_operation(*this, from);
    }
    // Returns when everything that was written so far has left; looks each `pause`, which is about the time of a byte.
    task<result<void>> flush(clock::duration pause = std::chrono::milliseconds(1)) {
        for (;;) {
            bool idle = is_idle();
            if (idle) co_return {};
            co_await ok(sleep_for(pause));
        }
    }

    // How often bytes were lost.
    std::uint32_t times_lost() const noexcept { return times_lost_; }

    // For the UART's interrupts, all of them.
    void interrupt() noexcept {
        waiter_list freed;
        lock_.lock();
        uart_.acknowledge();
        pull(freed);
        push(freed);
        lock_.unlock();
        wait_queue<spin_lock>::resume_all(freed.first());
    }

  private:
    template <class, class> friend class weft::queued_operation;

    // A UART that takes bytes without end must not keep interrupts masked for as long.
    static constexpr int most_at_once = 16;

    bool is_idle() noexcept {
        lock_guard section(lock_);
        return writers_.empty() && uart_.is_idle();
    }

    // All that follow: under the lock.
    void pull(waiter_list& freed) noexcept {
        for (bool served = true; served;) {
            while (size_ < room_ && uart_.can_receive()) {
                memory_[(first_ + size_) % room_] = uart_.receive();
                ++size_;
            }
            if (size_ < room_ && uart_.has_lost()) {
                ++times_lost_;
                if (!lost_) before_loss_ = size_;
                lost_ = true;
            }
            waiter* w = readers_.front();
            served = w && take(*static_cast<read_operation*>(w));
            if (served) {
                readers_.pop();
                freed.add(*w);
            }
        }
        uart_.listen(size_ < room_); // else it is asked again when there is room
    }
    bool take(read_operation& r) noexcept;
    void push(waiter_list& freed) noexcept {
        while (waiter* w = writers_.front()) {
            if (!feed(*static_cast<write_operation*>(w))) return uart_.want_room(true);
            writers_.pop();
            freed.add(*w);
        }
        uart_.want_room(false);
    }
    bool feed(write_operation& w) noexcept;

    spin_lock lock_;
    Uart uart_;
    std::byte* memory_;
    std::size_t room_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t before_loss_ = 0; // how many of them came before bytes were lost
    bool lost_ = false;
    std::uint32_t times_lost_ = 0;
    wait_queue<spin_lock> readers_;
    wait_queue<spin_lock> writers_;
};

template <uart Uart>
class [[nodiscard("co_await it")]] serial<Uart>::read_operation
    : public queued_operation<typename serial<Uart>::read_operation> {
    using base = queued_operation<read_operation>;

  public:
    using lock_type = spin_lock;
    read_operation(serial& s, std::span<std::byte> to) noexcept : base(reading), serial_(s), to_(to) {}

    result<std::size_t> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        if (lost_) return failure(errc::lagged);
        return count_;
    }

  private:
    friend base;
    friend serial;
    serial& subject() noexcept { return serial_; }
    wait_queue<spin_lock>& queue() noexcept { return serial_.readers_; }
    bool attempt(branch&, waiter_list& freed) noexcept {
        if (to_.empty()) return true;
        bool was_full = serial_.size_ == serial_.room_;
        if (!serial_.readers_.empty() || !serial_.take(*this)) return false;
        if (was_full) serial_.pull(freed);
        return true;
    }
    static constexpr leaf_kind reading{"serial read", &base::cancel};

    serial& serial_;
    std::span<std::byte> to_;
    std::size_t count_ = 0;
    bool lost_ = false;
};

template <uart Uart>
class [[nodiscard("co_await it")]] serial<Uart>::write_operation
    : public queued_operation<typename serial<Uart>::write_operation> {
    using base = queued_operation<write_operation>;

  public:
    using lock_type = spin_lock;
    write_operation(serial& s, std::span<const std::byte> from) noexcept
        : base(writing), serial_(s), from_(from) {}

    result<std::size_t> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return written_;
    }
    // After the wait, also where it was cancelled.
    std::size_t written() const noexcept { return written_; }

  private:
    friend base;
    friend serial;
    serial& subject() noexcept { return serial_; }
    wait_queue<spin_lock>& queue() noexcept { return serial_.writers_; }
    bool attempt(branch&, waiter_list&) noexcept {
        if (from_.empty()) return true;
        if (!serial_.writers_.empty()) return false;
        if (serial_.feed(*this)) return true;
        serial_.uart_.want_room(true);
        return false;
    }
    static constexpr leaf_kind writing{"serial write", &base::cancel};

    serial& serial_;
    std::span<const std::byte> from_;
    std::size_t written_ = 0;
};

template <uart Uart> bool serial<Uart>::take(read_operation& r) noexcept {
    if (lost_ && before_loss_ == 0) {
        lost_ = false;
        r.lost_ = true;
        return true;
    }
    std::size_t n = std::min(r.to_.size(), lost_ ? before_loss_ : size_);
    if (n == 0) return false;
    for (std::size_t i = 0; i < n; ++i) {
        r.to_[i] = memory_[first_];
        if (++first_ == room_) first_ = 0;
    }
    size_ -= n;
    if (lost_) before_loss_ -= n;
    r.count_ = n;
    return true;
}

template <uart Uart> bool serial<Uart>::feed(write_operation& w) noexcept {
    for (int i = 0; i < most_at_once && uart_.can_send(); ++i) {
        uart_.send(w.from_[w.written_]);
        if (++w.written_ == w.from_.size()) return true;
    }
    return false;
}

} // namespace weft::drivers
