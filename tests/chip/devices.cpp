// The smaller devices of the boards: RISC-V's `virt` has a clock with alarms; Arm's MPS2 boards have LEDs, and an I2C bus on
// which the test puts a temperature sensor, and warms it up to 25.125 degrees.
#include <drivers/hal.hpp>
#include <drivers/i2c_bit_bang.hpp>
#include <drivers/mps2_leds.hpp>
#include <drivers/rtc_goldfish.hpp>
#include <drivers/sbcon.hpp>
#include <drivers/tmp105.hpp>
#include <weft/core/slot.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "check.hpp"

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::task;

#if defined(__riscv)

// QEMU, hw/riscv/virt.c
constexpr std::uintptr_t rtc_base = 0x101000;
constexpr unsigned rtc_interrupt = 11;
weft::slot<weft::drivers::rtc_goldfish> rtc_place;

task<> test() {
    rtc_place.put(rtc_base);
    auto& rtc = rtc_place.value;
    weft::chip::attach_interrupt(
        rtc_interrupt, [](void* r) noexcept { static_cast<weft::drivers::rtc_goldfish*>(r)->interrupt(); },
        &rtc);
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

task<> test() {
    weft::drivers::mps2_led first(leds, 0), second(leds, 1);
    static_assert(weft::hal::digital_output<weft::drivers::mps2_led>);
    first.set(true);
    second.set(true);
    first.set(false);
    check(!first.is_set() && second.is_set(), "an LED is switched, and the other stays as it is");

    weft::drivers::i2c_bit_bang bus{weft::drivers::sbcon_lines(shield_bus)};
    weft::drivers::tmp105 sensor(bus);
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

void weft::chip::start() { (void)spawn<test, root_options{.arena = 2048}>(); }
