// tmp105: a temperature sensor on an I2C bus. Tests: drivers/i2c_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <drivers/hal.hpp>
#include <weft/core/ok.hpp>

namespace weft::drivers {

// Texas Instruments, TMP105 data sheet. Errors are the bus's, and a stop is passed on to it.
template <hal::async_i2c Bus> class tmp105 {
  public:
    static constexpr std::uint8_t default_address = 0x48;

    explicit tmp105(Bus& bus, std::uint8_t address = default_address) noexcept
        : bus_(bus), address_(address) {}

    // How fine it measures: 9 bits are half a degree, 12 a sixteenth. invalid_argument for other numbers.
    task<result<void>> set_resolution(unsigned bits) {
        if (bits < 9 || bits > 12) co_return failure(errc::invalid_argument);
        std::byte message[] = {configuration, static_cast<std::byte>((bits - 9) << 5)};
        co_await ok(bus_.write(address_, message));
        co_return {};
    }
    // Thousandths of a degree Celsius.
    task<result<std::int32_t>> temperature() {
        std::byte which[] = {measured};
        std::byte raw[2];
        co_await ok(bus_.write_read(address_, which, raw));
        auto value = static_cast<std::int16_t>(std::to_integer<unsigned>(raw[0]) << 8 |
                                               std::to_integer<unsigned>(raw[1]));
        co_return value * 1000 / 256;
    }

  private:
    static constexpr std::byte measured{0}, configuration{1};

    Bus& bus_;
    std::uint8_t address_;
};

} // namespace weft::drivers
