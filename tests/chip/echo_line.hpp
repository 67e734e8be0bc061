// What a serial port is tested with: after "ready", four bytes say how many follow, and all that follow come back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <drivers/hal.hpp>
#include <weft/core/task.hpp>

namespace chip_test {

// Yields how many did not come.
template <weft::hal::async_serial S> weft::task<std::uint32_t> echo_line(S& line) {
    (void)co_await line.write_all(std::as_bytes(std::span("ready\n", 6)));
    std::byte buffer[48];
    std::uint32_t left = 0;
    for (unsigned i = 0; i < 4; ++i) {
        auto one = co_await line.read_some(std::span(buffer).first(1));
        if (one) left |= std::to_integer<std::uint32_t>(buffer[0]) << 8 * i;
    }
    while (left != 0) {
        auto n = co_await line.read_some(buffer);
        if (!n) break;
        (void)co_await line.write_all(std::span(buffer).first(*n));
        left -= static_cast<std::uint32_t>(*n);
    }
    (void)co_await line.flush();
    co_return left;
}

} // namespace chip_test
