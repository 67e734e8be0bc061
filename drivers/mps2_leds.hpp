// The LEDs of Arm's MPS2 boards. Tests: tests/chip/devices.cpp.
#pragma once

#include <cstdint>

#include <weft/core/mmio.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft::drivers {

// One LED; meets hal::digital_output. Registers: Arm, Application Note AN386, FPGA system control, FPGAIO->LED0.
class mps2_led {
  public:
    // `number`: 0 or 1.
    mps2_led(std::uintptr_t base, unsigned number) noexcept : base_(base), bit_(1u << number) {}

    // Any context, with one hart.
    void set(bool on) noexcept {
        std::uintptr_t saved = port::lock(); // the other LEDs are in the same register
        std::uint32_t all = register_at(base_);
        register_at(base_) = on ? all | bit_ : all & ~bit_;
        port::unlock(saved);
    }
    bool is_set() const noexcept { return register_at(base_) & bit_; }

  private:
    std::uintptr_t base_;
    std::uint32_t bit_;
};

} // namespace weft::drivers
