// spi_device: one of the devices on an SPI bus. Tests: drivers/spi_test.cpp.
#pragma once

#include <cstddef>
#include <span>

#include <drivers/hal.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>

namespace weft::drivers {

// A bus and whose turn it is. In tasks of one executor. Outlives its devices.
template <hal::async_spi Bus> class spi_bus {
  public:
    explicit spi_bus(Bus& bus) noexcept : bus_(bus) {}

  private:
    template <hal::async_spi, hal::digital_output> friend class spi_device;
    Bus& bus_;
    local::mutex turn_;
};

// Meets hal::async_spi_device. `Select` is the pin that selects it when it is low. Transactions take their turn, first in,
// first out; a stop ends one, and lets the device go. Errors are the bus's. The frame of a transaction is allocated.
template <hal::async_spi Bus, hal::digital_output Select> class spi_device {
  public:
    spi_device(spi_bus<Bus>& bus, const Select& select) noexcept : bus_(bus), select_(select) {
        select_.set(true);
    }
    spi_device(const spi_device&) = delete;
    spi_device& operator=(const spi_device&) = delete;

    task<result<void>> transfer(std::span<std::byte> to, std::span<const std::byte> from) {
        auto turn = co_await ok(bus_.turn_.lock());
        selection selected(select_);
        co_return co_await bus_.bus_.transfer(to, from);
    }
    task<result<void>> write(std::span<const std::byte> from) { return transfer({}, from); }
    task<result<void>> read(std::span<std::byte> to) { return transfer(to, {}); }
    task<result<void>> write_read(std::span<const std::byte> from, std::span<std::byte> to) {
        auto turn = co_await ok(bus_.turn_.lock());
        selection selected(select_);
        co_await ok(bus_.bus_.write(from));
        co_return co_await bus_.bus_.read(to);
    }

  private:
    struct selection {
        explicit selection(Select& s) noexcept : pin(s) { pin.set(false); }
        ~selection() { pin.set(true); }
        Select& pin;
    };

    spi_bus<Bus>& bus_;
    Select select_;
};

} // namespace weft::drivers
