// The console as a serial port with interrupts.
#include <drivers/serial.hpp>
#include <drivers/uart_16550.hpp>
#include <drivers/uart_cmsdk.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "echo_line.hpp"

namespace {

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

task<> echo() {
    std::byte memory[64];
    port console{hardware(), memory};
    for (unsigned line : interrupts)
        weft::chip::attach_interrupt(
            line, [](void* p) noexcept { static_cast<port*>(p)->interrupt(); }, &console);

    std::uint32_t left = co_await chip_test::echo_line(console);
    for (unsigned line : interrupts) weft::chip::detach_interrupt(line);
    weft::chip::print_all("\nleft ", static_cast<std::int64_t>(left), ", lost ",
                          static_cast<std::int64_t>(console.times_lost()), "\n");
    weft::machine::halt(left == 0 ? 0 : 1);
}

} // namespace

void weft::chip::start() { (void)spawn<echo, root_options{.arena = 1024}>(); }
