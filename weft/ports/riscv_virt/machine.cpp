// QEMU's RISC-V `virt` as a machine for weft/ports/chip: M-mode, one hart, CLINT, 16550 UART.
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/riscv_virt/registers.hpp>

#include <weft/core/atomic.hpp>
#include <weft/core/port.hpp>

extern "C" {
[[gnu::used]] void weft_software_interrupt();
[[gnu::used]] void weft_timer_interrupt();
[[gnu::used]] void weft_external_interrupt();
}

namespace weft {

using namespace riscv;

namespace {

std::uint64_t ticks() noexcept {
#if __riscv_xlen == 64
    return register_at<std::uint64_t>(clint_mtime);
#else
    std::uint32_t high, low;
    do {
        high = register_at(clint_mtime + 4);
        low = register_at(clint_mtime);
    } while (high != register_at(clint_mtime + 4));
    return std::uint64_t{high} << 32 | low;
#endif
}

void set_compare(std::uint64_t t) noexcept {
#if __riscv_xlen == 64
    register_at<std::uint64_t>(clint_mtimecmp) = t;
#else
    // Never a moment too early in between: the high word is at its greatest while the low one changes.
    register_at(clint_mtimecmp + 4) = UINT32_MAX;
    register_at(clint_mtimecmp) = static_cast<std::uint32_t>(t);
    register_at(clint_mtimecmp + 4) = static_cast<std::uint32_t>(t >> 32);
#endif
}

// PLIC sources of this machine; entry 0 is the software interrupt's.
constexpr unsigned sources = 54;
struct handler {
    chip::interrupt_function function;
    void* context;
};
handler handlers[sources];

// The platform-level interrupt controller's specification, memory map: context 0 is machine mode on hart 0.
constexpr std::uintptr_t plic_priority = plic;
constexpr std::uintptr_t plic_enable = plic + 0x2000;
constexpr std::uintptr_t plic_threshold = plic + 0x200000;
constexpr std::uintptr_t plic_claim = plic + 0x200004;

// Executor levels that are to run, as bits; the one that runs, 0 for the thread; and the least set of bits with one above
// it. The last two change masked only.
atomic<std::uint32_t> raised{0};
unsigned running = 0;
std::uint32_t above_running = 2;

// What was raised and is above what was interrupted runs now, with interrupts let in.
[[gnu::noinline]] void run_above() noexcept {
    unsigned before = running;
    std::uintptr_t pc = WEFT_CSR_READ("mepc");
    std::uintptr_t status = WEFT_CSR_READ("mstatus");
    do {
        std::uint32_t levels = raised.load(order::relaxed);
        unsigned level = before + 1; // counts up: there is no instruction for it, and levels are few
        while (levels >> level > 1) ++level;
        raised.store(levels & ~(1u << level), order::relaxed);
        running = level;
        above_running = 2u << level;
        register_at(clint_msip) = 0;
        chip::run_level(level);
    } while (raised.load(order::relaxed) >= 2u << before);
    running = before;
    above_running = 2u << before;
    WEFT_CSR_WRITE("mepc", pc);
    WEFT_CSR_WRITE("mstatus", status);
}

// The end of every interrupt.
WEFT_INLINE inline void run_raised() noexcept {
    if (raised.load(order::relaxed) >= above_running) run_above();
}

} // namespace

namespace machine {

constinit const unsigned levels = 7;

void raise(unsigned level) noexcept {
    raised.fetch_or(1u << level, order::relaxed);
    register_at(clint_msip) = 1;
}

void prepare() noexcept {
    set_compare(UINT64_MAX);
    register_at(clint_msip) = 0;
    register_at(plic_threshold) = 0;
    WEFT_CSR_WRITE("mie", software_interrupt | timer_interrupt | external_interrupt);
}

std::int64_t now() noexcept { return static_cast<std::int64_t>(ticks() * nanoseconds_a_tick); }

void set_alarm(std::int64_t deadline) noexcept {
    if (deadline == no_alarm) return silence_alarm();
    std::uint64_t at_tick = ticks();
    std::int64_t wait = deadline - static_cast<std::int64_t>(at_tick * nanoseconds_a_tick);
    // A tick late rather than early. The near ones need no division of 64 bits.
    if (wait <= 0) return set_compare(at_tick);
    if (wait < INT32_MAX)
        at_tick += (static_cast<std::uint32_t>(wait) + nanoseconds_a_tick - 1) / nanoseconds_a_tick;
    else
        at_tick += (static_cast<std::uint64_t>(wait) + nanoseconds_a_tick - 1) / nanoseconds_a_tick;
    set_compare(at_tick);
}

void silence_alarm() noexcept {
#if __riscv_xlen == 64
    set_compare(UINT64_MAX);
#else
    register_at(clint_mtimecmp + 4) = UINT32_MAX;
#endif
}

void mask() noexcept { WEFT_CSR_CLEAR("mstatus", mstatus_mie); }
void unmask() noexcept { WEFT_CSR_SET("mstatus", mstatus_mie); }

void sleep() noexcept {
    asm volatile("wfi" ::: "memory");
    // What has come is handled here, without a trap: nothing was interrupted that would have to be saved.
    std::uintptr_t pending = WEFT_CSR_READ("mip") & WEFT_CSR_READ("mie");
    if (pending & software_interrupt)
        weft_software_interrupt();
    else if (pending & timer_interrupt)
        weft_timer_interrupt();
    else if (pending & external_interrupt)
        weft_external_interrupt();
}

void write(char c) noexcept {
    constexpr std::uintptr_t line_status = uart + 5; // 16550: bit 5, the transmitter is empty
    while (!(register_at<std::uint8_t>(line_status) & 0x20)) {}
    register_at<std::uint8_t>(uart) = static_cast<std::uint8_t>(c);
}

// The RISC-V Instruction Set Manual, volume II, mcause.
const char* fault_name(std::uintptr_t cause) noexcept {
    static constexpr const char* names[] = {"misaligned jump",  "instruction access", "illegal instruction",
                                            "breakpoint",       "misaligned load",    "load access",
                                            "misaligned store", "store access"};
    return cause < sizeof names / sizeof *names ? names[cause] : "trap";
}

void halt(int status) noexcept {
    register_at(test_device) = status == 0 ? 0x5555u : static_cast<std::uint32_t>(status) << 16 | 0x3333u;
    for (;;) asm volatile("wfi");
}

} // namespace machine

namespace port {

std::uintptr_t lock() noexcept {
    std::uintptr_t saved;
    asm volatile("csrrci %0, mstatus, 8" : "=r"(saved)::"memory");
    return saved;
}
void unlock(std::uintptr_t saved) noexcept { WEFT_CSR_SET("mstatus", saved & mstatus_mie); }

} // namespace port
} // namespace weft

namespace weft::chip {

void attach_interrupt(unsigned number, interrupt_function f, void* context) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    std::uintptr_t saved = port::lock();
    handlers[number] = {f, context};
    port::unlock(saved);
    enable_interrupt(number);
}

void enable_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    if (number == 0) return;
    std::uintptr_t saved = port::lock();
    register_at(plic_priority + 4 * number) = 1;
    std::uintptr_t enable = plic_enable + number / 32 * 4;
    register_at(enable) = register_at(enable) | 1u << number % 32;
    port::unlock(saved);
}

// By its priority, since a source that is not enabled can't be completed, which is still to come in its handler.
void mask_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    if (number != 0) register_at(plic_priority + 4 * number) = 0;
}

void detach_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    std::uintptr_t saved = port::lock();
    std::uintptr_t enable = plic_enable + number / 32 * 4;
    register_at(enable) = register_at(enable) & ~(1u << number % 32);
    handlers[number] = {};
    port::unlock(saved);
}

} // namespace weft::chip

extern "C" {

void weft_software_interrupt() {
    weft::register_at(weft::clint_msip) = 0;
    weft::handler& h = weft::handlers[0];
    if (h.function) h.function(h.context);
    weft::run_raised();
}

void weft_timer_interrupt() {
    weft::chip::on_alarm();
    weft::run_raised();
}

void weft_external_interrupt() {
    using namespace weft;
    if (unsigned source = register_at(plic_claim)) {
        handler& h = handlers[source];
        if (h.function) h.function(h.context);
        register_at(plic_claim) = source;
    }
    run_raised();
}
}
