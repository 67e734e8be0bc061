// Three tasks on an MPS2 board: an LED that blinks, a button that changes how fast, and a writer to the UART that the other
// two feed through a queue. The firmware with which tweede golf compared asynchronous Rust with an RTOS ("Async Rust vs
// RTOS showdown"), so that its sizes can stand beside theirs.
//
// The emulated board has no button, so the UART's receiver is one: any character is a press, `q` ends the emulator.
//
//     scripts/firmware.sh m4-gcc && scripts/emulate.sh build/m4-gcc/examples/firmware_showdown/showdown.elf
#include <weft/core/channel.hpp>
#include <weft/core/mmio.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using weft::task;
using weft::chip::root_options;
using weft::chip::spawn;

// Arm's Application Note AN386, memory map: the LEDs of the FPGA; CMSDK UART 0, whose interrupts are lines 0 and 1.
using weft::register_at;
constexpr std::uintptr_t leds = 0x40028000;
constexpr std::uintptr_t uart = 0x40004000;
constexpr std::uintptr_t uart_control = uart + 8;
constexpr std::uintptr_t uart_interrupt = uart + 12;
constexpr std::uint32_t transmits = 1, receives = 2, with_transmit_interrupt = 4, with_receive_interrupt = 8;

struct line {
    char text[31];
    std::uint8_t length = 0;

    void add(const char* s) {
        while (*s && length < sizeof text) text[length++] = *s++;
    }
    void add(unsigned n) {
        char digits[10];
        int count = 0;
        do {
            digits[count++] = static_cast<char>('0' + n % 10);
            n /= 10;
        } while (n);
        while (count && length < sizeof text) text[length++] = digits[--count];
    }
};

constinit weft::waker pressed;
constinit weft::waker sent;
constinit weft::waker changed;
constinit weft::channel<line, 8> lines;
unsigned period = 1000; // milliseconds

task<> writer() {
    while (auto next = co_await lines.recv()) {
        for (unsigned i = 0; i < next->length; ++i) {
            register_at(uart) = static_cast<std::uint8_t>(next->text[i]);
            (void)co_await sent.wait();
        }
    }
}

task<> blink() {
    for (bool on = true;; on = !on) {
        register_at(leds) = on;
        line text;
        text.add(on ? "led on\n" : "led off\n");
        (void)co_await lines.send(text);
        (void)co_await weft::timeout(std::chrono::milliseconds(period), changed.wait());
    }
}

task<> button() {
    for (;;) {
        (void)co_await pressed.wait();
        if (register_at(uart) == 'q') weft::machine::halt(0);
        period = period > 125 ? period / 2 : 1000;
        line text;
        text.add("blinks every ");
        text.add(period);
        text.add(" ms\n");
        (void)co_await lines.send(text);
        changed.wake();
    }
}

} // namespace

WEFT_INTERRUPT(0) {
    register_at(uart_interrupt) = 2;
    pressed.wake();
}
WEFT_INTERRUPT(1) {
    register_at(uart_interrupt) = 1;
    sent.wake();
}

void weft::chip::start() {
    register_at(uart_control) = transmits | receives | with_transmit_interrupt | with_receive_interrupt;
    enable_interrupt(0);
    enable_interrupt(1);
    (void)spawn<writer>();
    (void)spawn<button>();
    (void)spawn<blink, root_options{.branches = 1}>();
}
