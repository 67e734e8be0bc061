// The 16550 UART: registers a byte wide, FIFOs of 16 bytes. Tests: tests/chip/serial.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/mmio.hpp>

namespace weft::drivers {

// For serial<>. Registers: National Semiconductor, PC16550D data sheet, table II. The line is left as whoever set it up.
class uart_16550 {
  public:
    // Of registers one byte apart.
    explicit uart_16550(std::uintptr_t base) noexcept : base_(base) {
        at(interrupt_enable) = 0;
        at(fifo_control) = 0x07; // on and empty; an interrupt for each byte that comes
    }

    void acknowledge() noexcept { [[maybe_unused]] std::uint8_t cause = at(interrupt_identity); }
    bool can_send() noexcept {
        if (room_ == 0 && status() & transmitter_empty) room_ = 16;
        return room_ != 0;
    }
    void send(std::byte b) noexcept {
        at(data) = static_cast<std::uint8_t>(b);
        --room_;
    }
    void want_room(bool on) noexcept { enable(room, on); }
    bool can_receive() noexcept { return status() & data_ready; }
    std::byte receive() noexcept { return static_cast<std::byte>(at(data)); }
    bool has_lost() noexcept {
        (void)status();
        bool lost = lost_;
        lost_ = false;
        return lost;
    }
    void listen(bool on) noexcept { enable(received, on); }
    bool is_idle() noexcept { return status() & all_gone; }

  private:
    enum : std::uintptr_t {
        data = 0,
        interrupt_enable = 1,
        interrupt_identity = 2,
        fifo_control = 2,
        line_status = 5
    };
    enum : std::uint8_t { data_ready = 1, overrun = 2, transmitter_empty = 0x20, all_gone = 0x40 };
    enum : std::uint8_t { received = 1, room = 2 };

    volatile std::uint8_t& at(std::uintptr_t offset) const noexcept {
        return register_at<std::uint8_t>(base_ + offset);
    }
    // Reading it forgets an overrun.
    std::uint8_t status() noexcept {
        std::uint8_t s = at(line_status);
        if (s & overrun) lost_ = true;
        return s;
    }
    void enable(std::uint8_t what, bool on) noexcept {
        auto wanted = static_cast<std::uint8_t>(on ? enabled_ | what : enabled_ & ~what);
        if (wanted == enabled_) return;
        enabled_ = wanted;
        at(interrupt_enable) = wanted; // of a transmitter that is empty it tells at once
    }

    std::uintptr_t base_;
    std::uint8_t room_ = 0; // in the transmitter's FIFO, as far as it is known
    std::uint8_t enabled_ = 0;
    bool lost_ = false;
};

} // namespace weft::drivers
