// rtc_goldfish: the time of day on QEMU's `virt`, and alarms. Tests: drivers/rtc_test.cpp.
#pragma once

#include <cstdint>

#include <drivers/alarms.hpp>
#include <weft/core/mmio.hpp>

namespace weft::drivers {

// For alarms<>. Registers: Android's Goldfish virtual hardware, "RTC".
class goldfish_clock {
  public:
    explicit goldfish_clock(std::uintptr_t base) noexcept : base_(base) {
        at(alarm_clear) = 1;
        at(interrupt_clear) = 1;
        at(interrupt_enable) = 1;
    }

    void acknowledge() noexcept { at(interrupt_clear) = 1; }
    // To read the low word keeps the high one.
    std::chrono::nanoseconds read() noexcept {
        std::uint64_t low = at(time_low);
        return std::chrono::nanoseconds(static_cast<std::int64_t>(std::uint64_t{at(time_high)} << 32 | low));
    }
    // Of a moment in the past it tells at once.
    void arm(std::chrono::nanoseconds when) noexcept {
        if (when == alarm_never) {
            at(alarm_clear) = 1;
            return;
        }
        auto word = static_cast<std::uint64_t>(when.count());
        at(alarm_high) = static_cast<std::uint32_t>(word >> 32);
        at(alarm_low) = static_cast<std::uint32_t>(word);
    }

  private:
    enum : std::uintptr_t {
        time_low = 0x00,
        time_high = 0x04,
        alarm_low = 0x08,
        alarm_high = 0x0c,
        interrupt_enable = 0x10,
        alarm_clear = 0x14,
        interrupt_clear = 0x1c,
    };
    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }

    std::uintptr_t base_;
};

// Times are since the beginning of 1970, UTC. Made from the address of its registers.
using rtc_goldfish = alarms<goldfish_clock>;

} // namespace weft::drivers
