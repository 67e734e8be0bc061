// i2c_bit_bang: an I2C bus of two open-drain lines, driven bit by bit. Tests: drivers/i2c_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>

namespace weft::drivers {

// The two lines. To release one lets it rise, unless a device holds it down.
template <class L>
concept i2c_lines = requires(L& l, bool released) {
    { l.clock(released) } noexcept;
    { l.data(released) } noexcept;
    { l.clock() } noexcept -> std::same_as<bool>;
    { l.data() } noexcept -> std::same_as<bool>;
};

// Meets hal::async_i2c; NXP, UM10204 (I2C-bus specification), as its one controller. The processor makes the bits of one
// byte, and lets others run between bytes and while a device holds the clock; there a stop ends the transaction, with
// errc::cancelled. errc::not_found: nobody acknowledged the address; errc::io_error: nobody a byte; errc::timed_out: the clock
// was held down for longer than `patience`. The bus is free again after each of them. In tasks of one executor. Frames of a
// transaction and of its bytes are allocated.
template <i2c_lines Lines> class i2c_bit_bang {
  public:
    // Half of a bit's time: 5 microseconds are 100 kHz, less what the processor takes by itself.
    explicit i2c_bit_bang(const Lines& lines, clock::duration half_bit = std::chrono::microseconds(5),
                          clock::duration patience = std::chrono::milliseconds(25)) noexcept
        : lines_(lines), half_bit_(half_bit), patience_(patience) {
        lines_.data(true);
        lines_.clock(true);
    }
    i2c_bit_bang(const i2c_bit_bang&) = delete;
    i2c_bit_bang& operator=(const i2c_bit_bang&) = delete;

    task<result<void>> write(std::uint8_t address, std::span<const std::byte> from) {
        return transaction(address, from, {});
    }
    task<result<void>> read(std::uint8_t address, std::span<std::byte> to) {
        return transaction(address, {}, to);
    }
    // The device hears no stop in between.
    task<result<void>> write_read(std::uint8_t address, std::span<const std::byte> from,
                                  std::span<std::byte> to) {
        return transaction(address, from, to);
    }

  private:
    static constexpr std::uint8_t reads = 1;

    task<result<void>> transaction(std::uint8_t address, std::span<const std::byte> from,
                                   std::span<std::byte> to) {
        if (address > 0x7f) co_return failure(errc::invalid_argument);
        auto bus = co_await ok(turn_.lock());
        auto done = co_await parts(address, from, to);
        stop();
        co_return done;
    }
    task<result<void>> parts(std::uint8_t address, std::span<const std::byte> from, std::span<std::byte> to) {
        auto shifted = static_cast<std::uint8_t>(address << 1);
        if (!from.empty() || to.empty()) {
            co_await ok(begin(shifted));
            for (std::byte b : from) co_await ok(send(std::to_integer<std::uint8_t>(b), errc::io_error));
        }
        if (to.empty()) co_return {};
        co_await ok(begin(shifted | reads));
        for (std::size_t i = 0; i < to.size(); ++i) {
            std::uint8_t byte = co_await ok(receive(i + 1 < to.size()));
            to[i] = static_cast<std::byte>(byte);
        }
        co_return {};
    }
    // Also in the middle of a transaction.
    task<result<void>> begin(std::uint8_t address) {
        lines_.data(true);
        pause();
        co_await ok(raise_clock());
        lines_.data(false);
        pause();
        lines_.clock(false);
        co_await ok(send(address, errc::not_found));
        co_return {};
    }
    void stop() noexcept {
        lines_.clock(false);
        lines_.data(false);
        pause();
        lines_.clock(true);
        pause();
        lines_.data(true);
        pause();
    }
    task<result<void>> send(std::uint8_t byte, errc unheard) {
        for (int bit = 7; bit >= 0; --bit) {
            lines_.data(byte >> bit & 1);
            pause();
            co_await ok(raise_clock());
            lines_.clock(false);
        }
        lines_.data(true);
        pause();
        co_await ok(raise_clock());
        bool heard = !lines_.data();
        lines_.clock(false);
        if (!heard) co_return failure(unheard);
        co_await ok(sleep_for(half_bit_)); // others run
        co_return {};
    }
    task<result<std::uint8_t>> receive(bool more) {
        std::uint8_t byte = 0;
        lines_.data(true);
        for (int bit = 0; bit < 8; ++bit) {
            pause();
            co_await ok(raise_clock());
            byte = static_cast<std::uint8_t>(byte << 1 | lines_.data());
            lines_.clock(false);
        }
        lines_.data(!more);
        pause();
        co_await ok(raise_clock());
        lines_.clock(false);
        lines_.data(true);
        co_await ok(sleep_for(half_bit_));
        co_return byte;
    }
    // A device may hold the clock down until it is ready.
    task<result<void>> raise_clock() {
        lines_.clock(true);
        bool high = lines_.clock();
        for (clock::time_point until = clock::after(clock::now(), patience_); !high; high = lines_.clock()) {
            if (clock::now() > until) co_return failure(errc::timed_out);
            co_await ok(sleep_for(std::max<clock::duration>(half_bit_, std::chrono::microseconds(1))));
        }
        pause();
        co_return {};
    }
    void pause() const noexcept {
        for (clock::time_point until = clock::after(clock::now(), half_bit_); clock::now() < until;) {}
    }

    local::mutex turn_;
    Lines lines_;
    clock::duration half_bit_;
    clock::duration patience_;
};

} // namespace weft::drivers
