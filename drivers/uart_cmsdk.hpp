// The UART of Arm's Cortex-M System Design Kit: one byte each way. Tests: tests/chip/serial.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/mmio.hpp>

namespace weft::drivers {

// For serial<>, which gets its receive and its transmit interrupt. Registers: Arm, Cortex-M System Design Kit Technical
// Reference Manual, 4.3.
class uart_cmsdk {
  public:
    // The divider: clock cycles a bit, 16 at least.
    uart_cmsdk(std::uintptr_t base, std::uint32_t divider) noexcept : base_(base) {
        at(baud_divider) = divider;
        // The transmitter tells only of a byte that left while this was on: so it always is.
        at(control) = always;
    }

    void acknowledge() noexcept { at(interrupts) = sent | received; }
    bool can_send() noexcept { return !(at(state) & send_full); }
    void send(std::byte b) noexcept { at(data) = static_cast<std::uint32_t>(b); }
    void want_room(bool) noexcept {}
    bool can_receive() noexcept { return at(state) & receive_full; }
    std::byte receive() noexcept { return static_cast<std::byte>(at(data)); }
    bool has_lost() noexcept {
        bool lost = at(state) & receive_overrun;
        if (lost) at(state) = receive_overrun;
        return lost;
    }
    void listen(bool on) noexcept { at(control) = on ? always | tells_received : always; }
    bool is_idle() noexcept { return can_send(); }

  private:
    enum : std::uintptr_t { data = 0, state = 4, control = 8, interrupts = 12, baud_divider = 16 };
    enum : std::uint32_t { send_full = 1, receive_full = 2, receive_overrun = 8 };
    enum : std::uint32_t { transmitter = 1, receiver = 2, tells_sent = 4, tells_received = 8 };
    static constexpr std::uint32_t always = transmitter | receiver | tells_sent;
    enum : std::uint32_t { sent = 1, received = 2 };

    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }

    std::uintptr_t base_;
};

} // namespace weft::drivers
