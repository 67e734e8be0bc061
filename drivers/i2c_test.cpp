// The bus bit by bit with a device that listens to the lines, and a sensor's driver on it and on a bus of its own.
#include <algorithm>

#include <drivers/i2c_bit_bang.hpp>
#include <drivers/tmp105.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>

namespace {

using weft::errc;
using weft::result;
using weft::task;
using namespace weft::drivers;

// A device with registers of two bytes, which follows the lines.
struct device {
    static constexpr unsigned address = 0x48;

    bool controller_clock = true, controller_data = true; // released
    bool holds_data = false;                              // to acknowledge, or to send a zero
    bool holds_clock = false;                             // the test's
    std::uint8_t registers[4][2] = {{0x19, 0x20}, {0, 0}, {1, 2}, {3, 4}};
    unsigned pointer = 0, byte_number = 0;
    unsigned starts = 0, stops = 0;
    int acknowledges = 1000; // so many bytes, then no more

    bool clock() const { return controller_clock && !holds_clock; }
    bool data() const { return controller_data && !holds_data; }

    void change(bool new_clock, bool new_data) {
        bool old_clock = clock(), old_data = data();
        controller_clock = new_clock;
        controller_data = new_data;
        if (old_clock && clock() && old_data != data()) return data() ? stop() : start();
        if (!old_clock && clock()) rise();
        if (old_clock && !clock()) fall();
    }

  private:
    enum { idle, hears, acknowledged, sends, listens_for_acknowledge } phase_ = idle;
    unsigned bits_ = 0, byte_ = 0;
    bool first_ = false, reading_ = false, goes_on_ = false;

    void start() {
        ++starts;
        phase_ = hears;
        bits_ = byte_ = 0;
        first_ = true;
        holds_data = false;
    }
    void stop() {
        ++stops;
        phase_ = idle;
        holds_data = false;
    }
    void rise() {
        if (phase_ == hears) {
            byte_ = byte_ << 1 | data();
            ++bits_;
        } else if (phase_ == listens_for_acknowledge) {
            goes_on_ = !data();
        }
    }
    void fall() {
        if (phase_ == hears && bits_ == 8) {
            bool mine = !first_ || byte_ >> 1 == address;
            if (mine && acknowledges-- > 0) {
                take_in();
                holds_data = true;
                phase_ = acknowledged;
            } else {
                phase_ = idle;
            }
        } else if (phase_ == acknowledged) {
            holds_data = false;
            bits_ = 0;
            phase_ = reading_ ? sends : hears;
            if (reading_) next_byte();
        } else if (phase_ == sends) {
            if (++bits_ == 8) {
                holds_data = false;
                phase_ = listens_for_acknowledge;
            } else {
                put_bit();
            }
        } else if (phase_ == listens_for_acknowledge) {
            if (!goes_on_) {
                phase_ = idle;
                return;
            }
            bits_ = 0;
            phase_ = sends;
            next_byte();
        }
    }
    void take_in() {
        if (first_) {
            reading_ = byte_ & 1;
            byte_number = 0;
        } else if (byte_number++ == 0) {
            pointer = byte_ & 3;
        } else {
            registers[pointer][byte_number & 1] = static_cast<std::uint8_t>(byte_);
        }
        first_ = false;
        byte_ = 0;
    }
    void next_byte() {
        byte_ = registers[pointer][byte_number++ & 1];
        put_bit();
    }
    void put_bit() { holds_data = !(byte_ >> (7 - bits_) & 1); }
};
class lines {
  public:
    explicit lines(device& d) noexcept : device_(&d) {}
    void clock(bool released) noexcept { device_->change(released, device_->controller_data); }
    void data(bool released) noexcept { device_->change(device_->controller_clock, released); }
    bool clock() noexcept { return device_->clock(); }
    bool data() noexcept { return device_->data(); }

  private:
    device* device_;
};
using bus = i2c_bit_bang<lines>;
static_assert(weft::hal::async_i2c<bus>);
// On the hand-turned port no time goes by while the processor waits.
constexpr weft::clock::duration at_once{0};

WEFT_TEST(i2c, a_sensor_is_read_and_set_up_through_the_lines) {
    device d;
    bus b(lines(d), at_once);
    tmp105 sensor(b);
    auto body = [&]() -> task<> {
        auto measured = co_await sensor.temperature();
        auto set = co_await sensor.set_resolution(12);
        auto wrong = co_await sensor.set_resolution(13);
        WEFT_REQUIRE_IN_TASK(measured);
        WEFT_CHECK_EQ(*measured, 25'125);
        WEFT_REQUIRE_IN_TASK(set);
        WEFT_REQUIRE_IN_TASK(!wrong);
        WEFT_CHECK_EQ(wrong.error(), errc::invalid_argument);
    };
    weft::testing::run(body());
    WEFT_CHECK_EQ(d.registers[1][0], 0x60);
    WEFT_CHECK_EQ(d.starts, 3u); // one is in the middle of the read
    WEFT_CHECK_EQ(d.stops, 2u);
}

WEFT_TEST(i2c, below_zero) {
    device d;
    d.registers[0][0] = 0xe7; // -25 + 0.5
    d.registers[0][1] = 0x80;
    bus b(lines(d), at_once);
    tmp105 sensor(b);
    auto body = [&]() -> task<> {
        auto measured = co_await sensor.temperature();
        WEFT_REQUIRE_IN_TASK(measured);
        WEFT_CHECK_EQ(*measured, -24'500);
    };
    weft::testing::run(body());
}

WEFT_TEST(i2c, who_does_not_answer_is_told_and_the_bus_is_free_again) {
    device d;
    bus b(lines(d), at_once);
    auto body = [&]() -> task<> {
        std::byte bytes[] = {std::byte{2}, std::byte{7}};
        auto nobody = co_await b.write(0x11, bytes);
        auto beyond = co_await b.write(0x80, bytes);
        d.acknowledges = 2;
        auto half = co_await b.write(device::address, bytes);
        d.acknowledges = 1000;
        std::byte got[2];
        auto after = co_await b.write_read(device::address, std::span(bytes).first(1), got);
        WEFT_REQUIRE_IN_TASK(!nobody);
        WEFT_CHECK_EQ(nobody.error(), errc::not_found);
        WEFT_REQUIRE_IN_TASK(!beyond);
        WEFT_CHECK_EQ(beyond.error(), errc::invalid_argument);
        WEFT_REQUIRE_IN_TASK(!half);
        WEFT_CHECK_EQ(half.error(), errc::io_error);
        WEFT_REQUIRE_IN_TASK(after);
        WEFT_CHECK_EQ(got[0], std::byte{1});
        WEFT_CHECK_EQ(got[1], std::byte{2});
    };
    weft::testing::run(body());
    WEFT_CHECK(d.clock() && d.data());
    WEFT_CHECK_EQ(d.stops, 3u);
}

WEFT_TEST(i2c, a_device_may_hold_the_clock_but_not_for_ever) {
    device d;
    bus b(lines(d), at_once, std::chrono::milliseconds(20));
    auto body = [&](weft::scope& s) -> task<result<void>> {
        d.holds_clock = true;
        s.spawn([](device& d) -> task<> {
            (void)co_await weft::sleep_for(std::chrono::milliseconds(1));
            d.holds_clock = false;
        }(d));
        std::byte got[1];
        co_await weft::ok(b.read(device::address, got));
        d.holds_clock = true;
        auto late = co_await b.read(device::address, got);
        d.holds_clock = false;
        if (late || late.error() != errc::timed_out) co_return weft::failure(errc::other);
        co_return {};
    };
    auto whole = [&]() -> task<> {
        auto done = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(done.has_value());
    };
    weft::testing::run(whole());
}

WEFT_TEST(i2c, a_stop_frees_the_bus) {
    device d;
    bus b(lines(d), at_once);
    bool cancelled = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.request_stop();
        std::byte got[2];
        auto read = co_await b.read(device::address, got);
        cancelled = !read && read.error() == errc::cancelled;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(cancelled);
    WEFT_CHECK(d.clock() && d.data());
}

// The same driver on a bus that is no lines at all.
struct fake_bus {
    std::byte pointed{};
    std::byte configured{};

    task<result<void>> write(std::uint8_t, std::span<const std::byte> from) {
        if (from.size() == 2) configured = from[1];
        co_return {};
    }
    task<result<void>> read(std::uint8_t, std::span<std::byte>) { co_return weft::failure(errc::io_error); }
    task<result<void>> write_read(std::uint8_t address, std::span<const std::byte> from,
                                  std::span<std::byte> to) {
        if (address != 0x49) co_return weft::failure(errc::not_found);
        pointed = from[0];
        to[0] = std::byte{0x7f};
        to[1] = std::byte{0xf0};
        co_return {};
    }
};

WEFT_TEST(i2c, a_driver_runs_on_any_bus) {
    fake_bus b;
    tmp105 sensor(b, 0x49);
    tmp105 absent(b);
    auto body = [&]() -> task<> {
        auto measured = co_await sensor.temperature();
        auto set = co_await sensor.set_resolution(10);
        auto nobody = co_await absent.temperature();
        WEFT_REQUIRE_IN_TASK(measured);
        WEFT_CHECK_EQ(*measured, 127'937);
        WEFT_REQUIRE_IN_TASK(set);
        WEFT_REQUIRE_IN_TASK(!nobody);
        WEFT_CHECK_EQ(nobody.error(), errc::not_found);
    };
    weft::testing::run(body());
    WEFT_CHECK(b.configured == std::byte{0x20} && b.pointed == std::byte{0});
}

} // namespace
