// The console as a serial port with interrupts: after "ready", four bytes say how many follow, and all that follow come back.
#include <drivers/hal.hpp>
#include <drivers/serial.hpp>
#include <drivers/uart_16550.hpp>
#include <drivers/uart_cmsdk.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using weft::result;
using weft::task;

// QEMU, hw/riscv/virt.c; Arm's Application Note AN386, memory map, and 25 MHz for 115,200 bits a second.
#if defined(__riscv)
using uart = weft::drivers::uart_16550;
uart hardware() { return uart(0x10000000); }
constexpr unsigned interrupts[] = {10};
#else
using uart = weft::drivers::uart_cmsdk;
uart hardware() { return uart(0x40004000, 217); }
constexpr unsigned interrupts[] = {0, 1}; // receive, transmit
#endif

using port = weft::drivers::serial<uart>;
static_assert(weft::hal::async_serial<port>);

task<> echo() {
    std::byte memory[64];
    port console{hardware(), memory};
    for (unsigned line : interrupts)
        weft::chip::attach_interrupt(
            line, [](void* p) noexcept { static_cast<port*>(p)->interrupt(); }, &console);

    // What came before is not for this.
    (void)co_await console.write_all(std::as_bytes(std::span("ready\n", 6)));
    std::byte buffer[48];
    std::uint32_t left = 0;
    for (unsigned i = 0; i < 4; ++i) {
        auto one = co_await console.read_some(std::span(buffer).first(1));
        if (one) left |= std::to_integer<std::uint32_t>(buffer[0]) << 8 * i;
    }
    while (left != 0) {
        auto n = co_await console.read_some(buffer);
        if (!n) break;
        (void)co_await console.write_all(std::span(buffer).first(*n));
        left -= static_cast<std::uint32_t>(*n);
    }
    (void)co_await console.flush();
    for (unsigned line : interrupts) weft::chip::detach_interrupt(line);
    weft::chip::print_all("\nleft ", static_cast<std::int64_t>(left), ", lost ",
                          static_cast<std::int64_t>(console.times_lost()), "\n");
    weft::machine::halt(left == 0 ? 0 : 1);
}

} // namespace

void weft::chip::start() { (void)spawn<echo, root_options{.arena = 256}>(); }
