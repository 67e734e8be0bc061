// timer_dual: a clock and alarms from the dual timer of Arm's Cortex-M System Design Kit. Tests: drivers/timer_test.cpp.
#pragma once

#include <algorithm>
#include <cstdint>

#include <drivers/alarms.hpp>
#include <weft/core/mmio.hpp>

namespace weft::drivers {

// For alarms<>: one half counts freely and is the clock, the other is the alarm. The interrupt is that of both, and comes
// each time that 32 bits are counted through, too. Registers: Arm, Cortex-M System Design Kit Technical Reference Manual, 4.4.
class dual_clock {
  public:
    // `tick`: what one count takes, 40 ns at 25 MHz.
    dual_clock(std::uintptr_t base, std::chrono::nanoseconds tick) noexcept
        : base_(base), tick_(tick.count()) {
        at(first + control) = 0;
        at(second + control) = 0;
        at(first + interrupt_clear) = 1;
        at(second + interrupt_clear) = 1;
        at(first + load) = UINT32_MAX;
        at(first + control) = enabled | tells | long_counter;
    }

    void acknowledge() noexcept {
        at(second + interrupt_clear) = 1;
        (void)read();
    }
    std::chrono::nanoseconds read() noexcept {
        std::uint32_t low = ~at(first + value);
        if (at(first + raw_status) & 1) {
            at(first + interrupt_clear) = 1;
            ++wraps_;
            low = ~at(first + value); // that was before, or after
        }
        return std::chrono::nanoseconds(static_cast<std::int64_t>(std::uint64_t{wraps_} << 32 | low) * tick_);
    }
    void arm(std::chrono::nanoseconds when) noexcept {
        at(second + control) = 0;
        at(second + interrupt_clear) = 1;
        if (when == alarm_never) return;
        std::int64_t wait = std::max<std::int64_t>((when - read()).count(), 0);
        // Late by a tick rather than early; zero would not count.
        auto ticks = static_cast<std::uint64_t>(wait) / static_cast<std::uint64_t>(tick_) + 1;
        at(second + load) = static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX));
        at(second + control) = enabled | tells | long_counter | once;
    }

  private:
    enum : std::uintptr_t {
        first = 0x00,
        second = 0x20,
        load = 0x00,
        value = 0x04,
        control = 0x08,
        interrupt_clear = 0x0c,
        raw_status = 0x10,
    };
    enum : std::uint32_t { once = 1, long_counter = 2, tells = 0x20, enabled = 0x80 };

    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }

    std::uintptr_t base_;
    std::int64_t tick_;
    std::uint32_t wraps_ = 0;
};

// Times are since it was made, from the address of its registers and its tick.
using timer_dual = alarms<dual_clock>;

} // namespace weft::drivers
