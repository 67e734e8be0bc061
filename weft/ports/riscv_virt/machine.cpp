// QEMU's RISC-V `virt` as a machine for weft/ports/chip: M-mode, one hart or two, CLINT, PLIC, 16550 UART.
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/shared_section.hpp>
#include <weft/ports/riscv_virt/registers.hpp>

#include <weft/core/port.hpp>

extern "C" {
// Of the trap entry: start.S.
[[gnu::used]] volatile bool weft_raised =
    false; // an executor level is to run, and nobody has looked yet which
[[gnu::used]] void weft_run_raised();
[[gnu::used]] void weft_timer_interrupt();
[[gnu::used]] void weft_external_interrupt();
[[gnu::used]] void weft_attached_software_interrupt();
void weft_irq_0(); // bound at link time, or the one above
#if !defined(WEFT_ONE_HART)
[[gnu::section(".data"), gnu::used]] volatile std::uint32_t weft_others_start =
    0; // not among what is cleared meanwhile
#endif
}

namespace weft {

using namespace riscv;

namespace {

// Of the hart that asks; the first one's is at a fixed place.
std::uintptr_t msip() noexcept { return clint_msip + 4 * machine::hart(); }
std::uintptr_t mtimecmp() noexcept { return clint_mtimecmp + 8 * machine::hart(); }

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
    register_at<std::uint64_t>(mtimecmp()) = t;
#else
    // Never a moment too early in between: the high word is at its greatest while the low one changes.
    register_at(mtimecmp() + 4) = UINT32_MAX;
    register_at(mtimecmp()) = static_cast<std::uint32_t>(t);
    register_at(mtimecmp() + 4) = static_cast<std::uint32_t>(t >> 32);
#endif
}

// A tick late rather than early.
template <class T> T whole_ticks(T nanoseconds) noexcept {
    return (nanoseconds + nanoseconds_a_tick - 1) / nanoseconds_a_tick;
}

// A moment, now and then moved on: what lies within 32 bits behind it needs neither the clock nor a division of 64 bits.
struct moment {
    std::uint64_t tick = 0;
    std::int64_t time = 0;
};
moment references[machine::harts];

[[gnu::noinline, gnu::cold]] void set_alarm_anew(std::int64_t deadline) noexcept {
    if (deadline == machine::no_alarm) return machine::silence_alarm();
    moment& reference = references[machine::hart()];
    reference.tick = ticks();
    reference.time = static_cast<std::int64_t>(reference.tick * nanoseconds_a_tick);
    std::int64_t wait = deadline - reference.time;
    set_compare(wait <= 0 ? reference.tick : reference.tick + whole_ticks(static_cast<std::uint64_t>(wait)));
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

} // namespace

namespace machine {

constinit const unsigned levels = 7;

std::uint32_t interrupt_of(unsigned) noexcept { return 1; }

void raise(std::uint32_t) noexcept {
    weft_raised = true;
    if constexpr (!one_hart) device_fence(); // it is the first hart that looks
    register_at(clint_msip) = 1;
}

#if !defined(WEFT_ONE_HART)
unsigned hart() noexcept { return static_cast<unsigned>(WEFT_CSR_READ("mhartid")); }
void ring(unsigned hart) noexcept {
    device_fence();
    register_at(clint_msip + 4 * hart) = 1;
}
void start_others() noexcept {
    weft_others_start = 1;
    for (unsigned i = 1; i < harts; ++i) ring(i);
}
#endif

void prepare() noexcept {
    set_compare(UINT64_MAX);
    register_at(msip()) = 0;
    if (hart() == 0) register_at(plic_threshold) = 0;
    WEFT_CSR_WRITE("mie", software_interrupt | timer_interrupt | external_interrupt);
}

std::int64_t now() noexcept { return static_cast<std::int64_t>(ticks() * nanoseconds_a_tick); }

void set_alarm(std::int64_t deadline) noexcept {
    const moment& reference = references[hart()];
    std::uint64_t wait = static_cast<std::uint64_t>(deadline - reference.time);
    if (wait <= UINT32_MAX - nanoseconds_a_tick) [[likely]]
        set_compare(reference.tick + whole_ticks(static_cast<std::uint32_t>(wait)));
    else
        set_alarm_anew(deadline);
}

void silence_alarm() noexcept {
#if __riscv_xlen == 64
    set_compare(UINT64_MAX);
#else
    register_at(mtimecmp() + 4) = UINT32_MAX;
#endif
}

void mask() noexcept { WEFT_CSR_CLEAR("mstatus", mstatus_mie); }
void unmask() noexcept { WEFT_CSR_SET("mstatus", mstatus_mie); }

void sleep() noexcept {
    asm volatile("wfi" ::: "memory");
    // What has come is handled here, without a trap: nothing was interrupted that would have to be saved.
    std::uintptr_t pending = WEFT_CSR_READ("mip");
    if (pending & software_interrupt) {
        register_at(msip()) = 0;
        if constexpr (!one_hart) device_fence(); // what was rung for is seen
        if (hart() == 0) weft_irq_0();
    } else if (pending & timer_interrupt) {
        return chip::on_alarm_asleep();
    } else if (pending & external_interrupt) {
        weft_external_interrupt();
    }
    if (hart() == 0 && weft_raised) [[unlikely]]
        weft_run_raised();
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
    {
        shared_section section;
        handlers[number] = {f, context};
    }
    enable_interrupt(number);
}

void enable_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    if (number == 0) return;
    shared_section section;
    register_at(plic_priority + 4 * number) = 1;
    std::uintptr_t enable = plic_enable + number / 32 * 4;
    register_at(enable) = register_at(enable) | 1u << number % 32;
}

// By its priority, since a source that is not enabled can't be completed, which is still to come in its handler.
void mask_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    if (number != 0) register_at(plic_priority + 4 * number) = 0;
}

void detach_interrupt(unsigned number) noexcept {
    if (number >= sources) port::panic("no such interrupt on this machine");
    shared_section section;
    std::uintptr_t enable = plic_enable + number / 32 * 4;
    register_at(enable) = register_at(enable) & ~(1u << number % 32);
    handlers[number] = {};
}

} // namespace weft::chip

extern "C" {

void weft_attached_software_interrupt() {
    weft::chip::interrupt_section section;
    weft::handler& h = weft::handlers[0];
    if (h.function) h.function(h.context);
}

void weft_timer_interrupt() { weft::chip::on_alarm(); }

void weft_external_interrupt() {
    using namespace weft;
    chip::interrupt_section section;
    if (unsigned source = register_at(plic_claim)) {
        handler& h = handlers[source];
        if (h.function) h.function(h.context);
        register_at(plic_claim) = source;
    }
}

// Lets interrupts in meanwhile. What was interrupted had them let in, too, and ran in machine mode.
void weft_run_raised() {
    using namespace weft;
    weft_raised = false;
    register_at(clint_msip) = 0;
    if constexpr (!one_hart) device_fence(); // before it is looked at what was raised
    std::uintptr_t pc = WEFT_CSR_READ("mepc");
    chip::run_above();
    WEFT_CSR_WRITE("mepc", pc);
    WEFT_CSR_SET("mstatus", mstatus_mpie | mstatus_mpp);
}
}
