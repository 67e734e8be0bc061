// The smaller devices of the boards: RISC-V's `virt` has a clock with alarms; Arm's MPS2 boards have LEDs, a timer, SPI buses,
// and an I2C bus on which the test puts a temperature sensor, and warms it up to 25.125 degrees. And interrupts without a driver.
#include <algorithm>

#include <drivers/hal.hpp>
#include <drivers/i2c_bit_bang.hpp>
#include <drivers/mps2_leds.hpp>
#include <drivers/rtc_goldfish.hpp>
#include <drivers/sbcon.hpp>
#include <drivers/spi_device.hpp>
#include <drivers/spi_pl022.hpp>
#include <drivers/timer_dual.hpp>
#include <drivers/tmp105.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/interrupt_event.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "check.hpp"

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::task;

template <class Driver> void attach(unsigned number, Driver& driver) {
    weft::chip::attach_interrupt(
        number, [](void* d) noexcept { static_cast<Driver*>(d)->interrupt(); }, &driver);
}

// An interrupt without a driver.
task<> plain_interrupts() {
    weft::chip::interrupt_event event(chip_test::test_interrupt);
    chip_test::raise_test_interrupt();
    auto earlier = co_await event.wait();
    auto none = co_await weft::timeout(1ms, event.wait());
    check(earlier && !none && none.error() == weft::errc::timed_out,
          "an interrupt is waited for, and has come once");
}

#if defined(__riscv)

// QEMU, hw/riscv/virt.c
constexpr std::uintptr_t rtc_base = 0x101000;
constexpr unsigned rtc_interrupt = 11;
weft::slot<weft::drivers::rtc_goldfish> rtc_place;

task<> test() {
    rtc_place.put(rtc_base);
    auto& rtc = rtc_place.value;
    static_assert(weft::hal::async_delay<weft::drivers::rtc_goldfish>);
    {
        weft::chip::interrupt_event alarm(rtc_interrupt);
        weft::drivers::goldfish_clock plain(rtc_base);
        bool all = true;
        for (int i = 0; i < 3; ++i) {
            plain.arm(plain.read() + 1ms);
            auto came = co_await alarm.wait();
            plain.acknowledge();
            all = all && came;
        }
        auto none = co_await weft::timeout(1ms, alarm.wait());
        check(all && !none, "a device without a driver is waited for");
    }
    co_await plain_interrupts();
    attach(rtc_interrupt, rtc);
    auto start = rtc.now();
    check(start > 1'700'000'000s, "the clock shows a time of this century");
    auto past = co_await rtc.wait_until(start - 1s);
    check(past.has_value(), "a moment in the past is there at once");
    auto waited = co_await rtc.wait_until(start + 50ms);
    auto took = rtc.now() - start;
    check(waited && took >= 50ms, "an alarm is not early");
    check(took < 5s, "nor very late");
    chip_test::finish();
}

#else

// Arm's Application Note AN386, memory map.
constexpr std::uintptr_t leds = 0x40028000, shield_bus = 0x4002a000;
constexpr std::uintptr_t dual_timer = 0x40002000, spi = 0x40020000;
constexpr unsigned dual_timer_interrupt = 10, spi_interrupt = 11;

weft::slot<weft::drivers::timer_dual> timer_place;
weft::slot<weft::drivers::spi_pl022> spi_place;

task<> timers() {
    timer_place.put(dual_timer, 40ns);
    auto& timer = timer_place.value;
    static_assert(weft::hal::async_delay<weft::drivers::timer_dual>);
    attach(dual_timer_interrupt, timer);
    auto before = weft::clock::now();
    auto start = timer.now();
    auto waited = co_await timer.wait_for(20ms);
    auto took = timer.now() - start;
    auto by_port = weft::clock::now() - before;
    check(waited && took >= 20ms && by_port >= 20ms && took < 5s, "a wait by the dual timer is not early");
    auto past = co_await timer.wait_until(start);
    auto stopped = co_await weft::timeout(1ms, timer.wait_for(1h));
    auto soon = co_await timer.wait_for(1ms);
    check(past && !stopped && stopped.error() == weft::errc::timed_out && soon, "a stop ends a wait");
}

template <weft::hal::async_spi_device Device> task<bool> comes_back(Device& device, std::size_t size) {
    std::byte out[300], in[300];
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = static_cast<std::byte>(i * 11 + size);
        in[i] = std::byte{0};
    }
    auto done = co_await device.transfer(std::span(in).first(size), std::span(out).first(size));
    co_return done&& std::equal(out, out + size, in);
}

task<> spi_transfers() {
    auto settings = weft::drivers::spi_settings::at_most(1'000'000, 25'000'000);
    settings.loop_back = true;
    spi_place.put(spi, settings);
    auto& wires = spi_place.value;
    attach(spi_interrupt, wires);
    weft::drivers::spi_bus bus(wires);
    weft::drivers::spi_device device(bus, weft::drivers::mps2_led(leds, 0));
    bool right = true;
    for (std::size_t size : {1u, 3u, 4u, 8u, 9u, 33u, 35u, 300u})
        right = co_await comes_back(device, size) && right;
    check(right, "what an SPI bus in loop-back writes, it reads");
    std::byte in[20];
    auto done = co_await device.write_read(std::as_bytes(std::span("command", 7)), in);
    check(done && std::count(in, in + 20, std::byte{0}) == 20 && weft::drivers::mps2_led(leds, 0).is_set(),
          "a command and its answer; nobody is selected afterwards");
}

task<> test() {
    weft::drivers::mps2_led first(leds, 0), second(leds, 1);
    static_assert(weft::hal::digital_output<weft::drivers::mps2_led>);
    first.set(true);
    second.set(true);
    first.set(false);
    check(!first.is_set() && second.is_set(), "an LED is switched, and the other stays as it is");

    weft::drivers::i2c_bit_bang bus{weft::drivers::sbcon_lines(shield_bus)};
    weft::drivers::tmp105 sensor(bus);
    co_await plain_interrupts();
    co_await timers();
    co_await spi_transfers();
    auto finer = co_await sensor.set_resolution(12);
    check(finer.has_value(), "the sensor is set up");
    weft::result<std::int32_t> measured = 0;
    for (int i = 0; i < 100 && measured && *measured == 0; ++i) { // the room gets warm
        (void)co_await weft::sleep_for(50ms);
        measured = co_await sensor.temperature();
    }
    check(measured && *measured == 25'125, "it measures 25.125 degrees");
    weft::drivers::tmp105 absent(bus, 0x4c);
    auto nobody = co_await absent.temperature();
    check(!nobody && nobody.error() == weft::errc::not_found, "at another address there is nobody");
    chip_test::finish();
}

#endif

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 4096, .branches = 4}>(); }
