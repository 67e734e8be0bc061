// Arm's SBCon: the two lines of an I2C bus as bits of a register. Tests: tests/chip/devices.cpp.
#pragma once

#include <cstdint>

#include <weft/core/mmio.hpp>

namespace weft::drivers {

// For i2c_bit_bang<>. Registers: Arm, Application Note AN386, "Serial communication (SBCon I2C)".
class sbcon_lines {
  public:
    explicit sbcon_lines(std::uintptr_t base) noexcept : base_(base) {}

    void clock(bool released) noexcept { change(clock_bit, released); }
    void data(bool released) noexcept { change(data_bit, released); }
    bool clock() noexcept { return register_at(base_) & clock_bit; }
    bool data() noexcept { return register_at(base_) & data_bit; }

  private:
    enum : std::uint32_t { clock_bit = 1, data_bit = 2 };

    // Bits are set by one register and cleared by the next.
    void change(std::uint32_t bit, bool set) noexcept { register_at(set ? base_ : base_ + 4) = bit; }

    std::uintptr_t base_;
};

} // namespace weft::drivers
