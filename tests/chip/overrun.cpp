// A UART that is sent more than it and its driver's memory hold, by itself: what is lost is reported where it is missing, and
// nothing else is.
#include <array>

#include <drivers/serial.hpp>
#include <drivers/uart_16550.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "check.hpp"

namespace {

using chip_test::check;
using weft::task;

// QEMU, hw/riscv/virt.c
constexpr std::uintptr_t base = 0x10000000;
constexpr unsigned interrupt = 10;
// PC16550D data sheet, 8.6.6: what is sent is received, and goes nowhere else.
void loop_back(bool on) { weft::register_at<std::uint8_t>(base + 4) = on ? 0x10 : 0; }

using port = weft::drivers::serial<weft::drivers::uart_16550>;

// Reads until `size` bytes have come, or something else.
task<weft::result<std::size_t>> read_all(port& p, std::span<std::byte> to) {
    std::size_t size = 0;
    while (size < to.size()) {
        auto part = to.subspan(size);
        auto n = co_await p.read_some(part);
        if (!n) co_return weft::failure(n.error());
        size += *n;
    }
    co_return size;
}

task<> test() {
    std::byte memory[8];
    port p{weft::drivers::uart_16550(base), memory};
    weft::chip::attach_interrupt(interrupt, [](void* p) noexcept { static_cast<port*>(p)->interrupt(); }, &p);
    std::array<std::byte, 40> sent;
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>('A' + i);
    // Eight in the driver, sixteen in the UART.
    constexpr std::size_t kept = 24;
    std::array<std::byte, sent.size()> came{};

    bool first = true, lagged = true, after = true;
    for (int round = 0; round < 3; ++round) {
        loop_back(true);
        (void)co_await p.write_all(sent);
        (void)co_await p.flush();
        auto n = co_await read_all(p, std::span(came).first(kept));
        first = first && n && std::equal(came.begin(), came.begin() + kept, sent.begin());
        auto gap = co_await p.read_some(came);
        lagged = lagged && !gap && gap.error() == weft::errc::lagged;
        // Room again: what comes now is complete.
        auto some = std::span(sent).first(5);
        (void)co_await p.write_all(some);
        auto more = co_await read_all(p, std::span(came).first(5));
        after = after && more && std::equal(came.begin(), came.begin() + 5, sent.begin());
        loop_back(false);
    }
    weft::chip::detach_interrupt(interrupt);
    check(first, "what there was room for has come");
    check(lagged, "the loss is reported in its place");
    check(p.times_lost() == 3, "and counted");
    check(after, "what comes afterwards is complete");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 1024}>(); }
