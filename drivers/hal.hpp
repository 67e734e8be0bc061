// What a driver for a device on a bus or a pin is written against: concepts, which the drivers of buses and pins meet, and
// fakes in tests. So a sensor's driver is written once. Tests: drivers/serial_test.cpp.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/core/leaf.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/task.hpp>

namespace weft::hal {

namespace detail {

template <class A> struct outcome_of;
template <class A>
    requires is_task<A>
struct outcome_of<A> {
    using type = typename A::value_type;
};
template <operation_like A> struct outcome_of<A> {
    using type = decltype(std::declval<A&>().await_resume());
};

} // namespace detail

// A task or an operation whose co_await yields a T.
template <class A, class T>
concept yields = std::same_as<typename detail::outcome_of<A>::type, T>;

// Bytes in both directions, without frames. Reads yield at least one byte; after a stop errc::cancelled, and nothing is lost.
// errc::lagged: here bytes were lost, since nobody read. Whoever awaits flush() knows that all that was written has left.
template <class S>
concept async_serial = requires(S& s, std::span<std::byte> to, std::span<const std::byte> from) {
    { s.read_some(to) } -> yields<result<std::size_t>>;
    { s.write_all(from) } -> yields<result<std::size_t>>;
    { s.flush() } -> yields<result<void>>;
};

// A controller of an I2C bus; addresses of seven bits. errc::not_found: nobody acknowledged the address; errc::io_error:
// nobody acknowledged a byte. write_read() has no stop in between. One transaction at a time, in turn.
template <class B>
concept async_i2c =
    requires(B& b, std::uint8_t address, std::span<std::byte> to, std::span<const std::byte> from) {
        { b.write(address, from) } -> yields<result<void>>;
        { b.read(address, to) } -> yields<result<void>>;
        { b.write_read(address, from, to) } -> yields<result<void>>;
    };

// A controller of an SPI bus, which selects no device. transfer() writes and reads at the same time, as long as the longer of
// the two: zeros are written where there is nothing to write, and what does not fit is not kept. All return when the last bit
// has left. After a stop errc::cancelled, and the bus is quiet.
template <class B>
concept async_spi = requires(B& b, std::span<std::byte> to, std::span<const std::byte> from) {
    { b.transfer(to, from) } -> yields<result<void>>;
    { b.write(from) } -> yields<result<void>>;
    { b.read(to) } -> yields<result<void>>;
};

// A device on an SPI bus: the bus is its own, and its select is active, for as long as one transaction. write_read() does
// one after the other. After a stop errc::cancelled, and the device is not selected any more.
template <class D>
concept async_spi_device =
    async_spi<D> && requires(D& d, std::span<std::byte> to, std::span<const std::byte> from) {
        { d.write_read(from, to) } -> yields<result<void>>;
    };

// Waits that are never shorter. errc::cancelled if a stop came first.
template <class D>
concept async_delay = requires(D& d, std::chrono::nanoseconds wait) {
    { d.wait_for(wait) } -> yields<result<void>>;
};

// The one that is everywhere: the port's clock.
struct delay {
    sleep_operation wait_for(std::chrono::nanoseconds wait) noexcept { return sleep_for(wait); }
};
static_assert(async_delay<delay>);

template <class P>
concept digital_output = requires(P& p, bool high) {
    { p.set(high) } noexcept;
    { p.is_set() } noexcept -> std::same_as<bool>;
};

enum class edge : std::uint8_t { rising, falling, any };

// A pin that can be waited for. A level that is there already lets go at once.
template <class P>
concept digital_wait = requires(P& p, bool high, edge e) {
    { p.is_high() } noexcept -> std::same_as<bool>;
    { p.wait_for(e) } -> yields<result<void>>;
    { p.wait_until(high) } -> yields<result<void>>;
};

} // namespace weft::hal
