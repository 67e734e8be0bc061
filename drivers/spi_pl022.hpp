// spi_pl022: Arm's PrimeCell Synchronous Serial Port (PL022), as the controller of an SPI bus. Tests: drivers/spi_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/core/leaf.hpp>
#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/mmio.hpp>

namespace weft::drivers {

// How fast it goes, and which edges count.
struct spi_settings {
    // The fastest that is not above `wanted`; the slowest there is if all are. Both in hertz; `clock` is the PL022's input.
    static constexpr spi_settings at_most(std::uint32_t wanted, std::uint32_t clock) noexcept {
        std::uint64_t by = wanted == 0 ? UINT32_MAX : (std::uint64_t{clock} + wanted - 1) / wanted;
        spi_settings s;
        s.prescale = 254;
        s.divide = 256;
        for (std::uint32_t p = 2; p <= 254; p += 2) {
            auto d = static_cast<std::uint32_t>(std::max<std::uint64_t>((by + p - 1) / p, 1));
            if (d <= 256 && p * d < s.prescale * s.divide) {
                s.prescale = p;
                s.divide = d;
            }
        }
        return s;
    }

    std::uint32_t prescale = 2; // even, 2 to 254
    std::uint32_t divide = 1;   // 1 to 256
    unsigned mode = 0;          // 0 to 3: clock polarity in bit 1, phase in bit 0
    bool loop_back = false;     // what is written is read, and nothing is connected
};

// Meets hal::async_spi, with bytes of eight bits. PrimeCell SSP (PL022) Technical Reference Manual, chapter 3. Transfers are
// served first in, first out; a stop withdraws one that has not begun, and ends another after the at most eight bytes that are
// on their way. Operations in tasks on any executor, resumed on their home executor; interrupt() in its interrupt. No allocation.
// Must outlive its operations and its interrupts.
class spi_pl022 {
  public:
    class operation;

    explicit spi_pl022(std::uintptr_t base, const spi_settings& s = spi_settings()) noexcept : base_(base) {
        constexpr std::uint32_t eight_bits = 7;
        at(control_1) = 0;
        at(prescaler) = s.prescale;
        at(control_0) = (s.divide - 1) << 8 | (s.mode & 1) << 7 | (s.mode >> 1 & 1) << 6 | eight_bits;
        at(interrupt_mask) = 0;
        at(control_1) = s.loop_back ? enabled | loops : enabled;
    }
    spi_pl022(const spi_pl022&) = delete;
    spi_pl022& operator=(const spi_pl022&) = delete;

    operation transfer(std::span<std::byte> to, std::span<const std::byte> from) noexcept;
    operation write(std::span<const std::byte> from) noexcept;
    operation read(std::span<std::byte> to) noexcept;

    // For its interrupt.
    void interrupt() noexcept {
        waiter_list done;
        lock_.lock();
        at(interrupt_clear) = receive_timeout;
        go_on(done);
        lock_.unlock();
        wait_queue<spin_lock>::resume_all(done.first());
    }

  private:
    static constexpr std::size_t fifo = 8;
    enum : std::uintptr_t {
        control_0 = 0x00,
        control_1 = 0x04,
        data = 0x08,
        state = 0x0c,
        prescaler = 0x10,
        interrupt_mask = 0x14,
        interrupt_clear = 0x20,
    };
    enum : std::uint32_t { loops = 1, enabled = 2 };
    enum : std::uint32_t { has_room = 2, has_come = 4 };
    enum : std::uint32_t { receive_timeout = 2, half_received = 4 };

    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }
    // Both under the lock.
    void go_on(waiter_list& done) noexcept;
    bool advance(operation& o) noexcept;

    spin_lock lock_;
    std::uintptr_t base_;
    wait_queue<spin_lock> queue_; // the first is on the bus
};

class [[nodiscard("co_await it")]] spi_pl022::operation
    : public weft::operation<spi_pl022::operation, waiter> {
  public:
    operation(spi_pl022& bus, std::span<std::byte> to, std::span<const std::byte> from) noexcept
        : weft::operation<operation, waiter>(transferring), bus_(bus), to_(to), from_(from),
          size_(std::max(to.size(), from.size())) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            stopped_ = true;
            return yield(b, then);
        }
        if (size_ == 0) return finish_now(b, then);
        waiter_list done;
        bus_.lock_.lock();
        suspend(b, then);
        bool first = bus_.queue_.empty();
        bus_.queue_.push(*this);
        if (first) bus_.go_on(done);
        bus_.lock_.unlock();
        wait_queue<spin_lock>::resume_all(done.first());
        return true;
    }
    result<void> await_resume() const noexcept {
        if (stopped_) return failure(errc::cancelled);
        return {};
    }

  private:
    friend spi_pl022;
    static void cancel(leaf& l) noexcept {
        auto& self = static_cast<operation&>(l);
        spi_pl022& bus = self.bus_;
        waiter_list done;
        bus.lock_.lock();
        if (self.link && self.sent_ != self.size_) { // else its wake is on the way, or all of it
            self.stopped_ = true;
            self.size_ = self.sent_;
            if (bus.queue_.front() == &self) {
                bus.go_on(done);
            } else {
                bus.queue_.remove(self);
                done.add(self);
            }
        }
        bus.lock_.unlock();
        wait_queue<spin_lock>::resume_all(done.first());
    }
    static constexpr leaf_kind transferring{"spi", &cancel};

    spi_pl022& bus_;
    std::span<std::byte> to_;
    std::span<const std::byte> from_;
    std::size_t size_; // what is to be sent; less after a stop
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
    bool stopped_ = false;
};

// Sends no more than the receiver has room for. True: it has ended.
inline bool spi_pl022::advance(operation& o) noexcept {
    // A bus that is as fast as the processor must not keep interrupts masked for as long; half a FIFO on its way brings the next.
    std::size_t enough = o.sent_ + 4 * fifo;
    for (;;) {
        for (; o.received_ != o.sent_ && at(state) & has_come; ++o.received_) {
            auto byte = static_cast<std::byte>(at(data));
            if (o.received_ < o.to_.size()) o.to_[o.received_] = byte;
        }
        std::size_t before = o.sent_;
        std::size_t until = std::min(o.size_, o.received_ + fifo);
        for (; o.sent_ < until && at(state) & has_room; ++o.sent_)
            at(data) = o.sent_ < o.from_.size() ? std::to_integer<std::uint32_t>(o.from_[o.sent_]) : 0;
        if (o.sent_ == before) return o.received_ == o.size_;
        if (o.sent_ >= enough && o.sent_ - o.received_ >= fifo / 2) return false;
    }
}

inline void spi_pl022::go_on(waiter_list& done) noexcept {
    while (waiter* w = queue_.front()) {
        if (!advance(static_cast<operation&>(*w))) break;
        queue_.pop();
        done.add(*w);
    }
    at(interrupt_mask) = queue_.empty() ? 0 : receive_timeout | half_received;
}

inline spi_pl022::operation spi_pl022::transfer(std::span<std::byte> to,
                                                std::span<const std::byte> from) noexcept {
    return {*this, to, from};
}
inline spi_pl022::operation spi_pl022::write(std::span<const std::byte> from) noexcept {
    return {*this, {}, from};
}
inline spi_pl022::operation spi_pl022::read(std::span<std::byte> to) noexcept { return {*this, to, {}}; }

} // namespace weft::drivers
