// Cortex-M3 and M4 on Arm's MPS2 boards, as QEMU has them, as a machine for weft/ports/chip: NVIC, CMSDK timers and UART.
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/cortex_m/registers.hpp>

#include <weft/core/port.hpp>

extern "C" unsigned char weft_stack_bottom[]; // from the linker script

namespace weft {

using namespace cortex_m;

namespace {

constexpr unsigned lines = 32;
struct handler {
    chip::interrupt_function function;
    void* context;
};
handler handlers[lines];

// CMSDK timer: a counter that runs down from its reload value.
constexpr std::uintptr_t control = 0, value = 4, reload = 8, status = 12;
constexpr std::uint32_t enabled = 1, with_interrupt = 8;

// How often the 32 bits of the clock's timer have run out: every 171 seconds.
std::uint32_t wraps = 0;

std::uint64_t ticks() noexcept {
    std::uintptr_t saved = port::lock();
    std::uint32_t low = ~register_at(clock_timer + value);
    if (register_at(clock_timer + status)) { // one that has not been counted yet
        ++wraps;
        register_at(clock_timer + status) = 1;
        low = ~register_at(clock_timer + value);
    }
    std::uint64_t all = std::uint64_t{wraps} << 32 | low;
    port::unlock(saved);
    return all;
}

void let_in(unsigned line, std::uint32_t priority) noexcept {
    reinterpret_cast<volatile std::uint8_t*>(nvic_priority)[line] = static_cast<std::uint8_t>(priority);
    register_at(nvic_enable) = 1u << line;
}

[[gnu::noinline]] void run_level(unsigned level) noexcept {
    machine::mask();
    chip::run_level(level);
    machine::unmask();
}

} // namespace

namespace machine {

constinit const unsigned levels = level_count;

void prepare() noexcept {
    // Region 0 of the memory protection unit: nobody touches the 256 bytes below the stack.
    register_at(mpu_region) = 0;
    register_at(mpu_base) = reinterpret_cast<std::uintptr_t>(weft_stack_bottom);
    register_at(mpu_attributes) = 1u << 28 | 7u << 1 | 1; // execute never, no access; 2^(7+1) bytes; on
    register_at(mpu_control) = 1u << 2 | 1;               // the default map for all else; on
    register_at(system_handlers) = 7u << 16;              // memory, bus and usage faults by their own names
    register_at(clock_timer + reload) = UINT32_MAX;
    register_at(clock_timer + value) = UINT32_MAX;
    register_at(clock_timer + control) = enabled | with_interrupt;
    register_at(uart + 16) = 16; // the least divisor; the emulator does not look at it
    register_at(uart + 8) = 1;   // transmit
    let_in(alarm_line, device_priority);
    let_in(clock_line, device_priority);
    for (unsigned level = 1; level <= levels; ++level)
        let_in(first_level_line + level - 1, level_priority(level));
}

std::int64_t now() noexcept { return static_cast<std::int64_t>(ticks() * nanoseconds_a_tick); }

void silence_alarm() noexcept {
    register_at(alarm_timer + control) = 0;
    register_at(alarm_timer + status) = 1;
}

void set_alarm(std::int64_t deadline) noexcept {
    silence_alarm();
    if (deadline == no_alarm) return;
    std::int64_t wait = deadline - now();
    std::uint32_t count = 1; // zero is a timer that stands
    if (wait >= std::int64_t{UINT32_MAX} * nanoseconds_a_tick)
        count = UINT32_MAX;
    else if (wait >= INT32_MAX)
        count = static_cast<std::uint32_t>(static_cast<std::uint64_t>(wait) / nanoseconds_a_tick + 1);
    else if (wait > 0)
        count = (static_cast<std::uint32_t>(wait) + nanoseconds_a_tick - 1) / nanoseconds_a_tick;
    register_at(alarm_timer + reload) = count;
    register_at(alarm_timer + value) = count;
    register_at(alarm_timer + control) = enabled | with_interrupt;
}

void mask() noexcept { asm volatile("cpsid i" ::: "memory"); }
void unmask() noexcept { asm volatile("cpsie i" ::: "memory"); }

void sleep() noexcept {
    asm volatile("dsb\n\twfi" ::: "memory");
    unmask();
    asm volatile("isb" ::: "memory");
}

std::uint32_t interrupt_of(unsigned level) noexcept { return 1u << (first_level_line + level - 1); }

void raise(std::uint32_t interrupt) noexcept { register_at(nvic_pend) = interrupt; }

void write(char c) noexcept {
    while (register_at(uart + 4) & 1) {} // the transmitter is full
    register_at(uart) = static_cast<std::uint8_t>(c);
}

// The exception's number: Armv7-M manual, B1.5.2.
const char* fault_name(std::uintptr_t cause) noexcept {
    static constexpr const char* names[] = {"interrupt that may not be masked", "hard fault",
                                            "memory management fault", "bus fault", "usage fault"};
    return cause >= 2 && cause - 2 < sizeof names / sizeof *names ? names[cause - 2] : "unexpected exception";
}

// Semihosting, SYS_EXIT (0x18): ADP_Stopped_ApplicationExit, or another reason, which emulators report as 1.
void halt(int code) noexcept {
    register std::uint32_t operation asm("r0") = 0x18;
    register std::uint32_t reason asm("r1") = code == 0 ? 0x20026 : 0x20023;
    asm volatile("bkpt 0xab" ::"r"(operation), "r"(reason) : "memory");
    for (;;) asm volatile("wfi");
}

} // namespace machine

namespace port {

// Only what may call weft is held up: see masked_priority.
std::uintptr_t lock() noexcept {
    std::uintptr_t saved;
    asm volatile("mrs %0, basepri\n\tmsr basepri_max, %1" : "=&r"(saved) : "r"(masked_priority) : "memory");
    return saved;
}
void unlock(std::uintptr_t saved) noexcept { asm volatile("msr basepri, %0" ::"r"(saved) : "memory"); }

} // namespace port

namespace chip {

void attach_interrupt(unsigned number, interrupt_function f, void* context) noexcept {
    if (number >= lines) port::panic("no such interrupt on this machine");
    std::uintptr_t saved = port::lock();
    handlers[number] = {f, context};
    port::unlock(saved);
    enable_interrupt(number);
}

void enable_interrupt(unsigned number) noexcept {
    if (number >= lines) port::panic("no such interrupt on this machine");
    let_in(number, device_priority);
}

void mask_interrupt(unsigned number) noexcept {
    if (number >= lines) port::panic("no such interrupt on this machine");
    register_at(nvic_disable) = 1u << number;
    asm volatile("dsb\n\tisb" ::: "memory");
}

void detach_interrupt(unsigned number) noexcept {
    mask_interrupt(number);
    handlers[number] = {};
}

} // namespace chip
} // namespace weft

extern "C" {

[[noreturn]] void weft_fault(std::uintptr_t cause, std::uintptr_t pc, std::uintptr_t address,
                             std::uintptr_t sp);
[[noreturn, gnu::used]] void weft_fault_cortex_m(std::uint32_t exception, std::uintptr_t sp);
void weft_fault_cortex_m(std::uint32_t exception, std::uintptr_t sp) {
    std::uint32_t status = weft::register_at(weft::configurable_fault_status);
    std::uintptr_t address = status & 0x80 ? weft::register_at(weft::memory_fault_address)
                                           : weft::register_at(weft::bus_fault_address);
    // Armv7-M manual, B1.5.6: r0 to r3, r12, lr, pc, psr. Not there if it could not be pushed (MSTKERR, STKERR).
    std::uintptr_t pc = status & 0x1010 ? 0 : reinterpret_cast<std::uintptr_t*>(sp)[6];
    weft_fault(exception, pc, address, sp);
}

[[gnu::used]] void weft_attached_interrupt();
void weft_attached_interrupt() {
    std::uint32_t exception;
    asm volatile("mrs %0, ipsr" : "=r"(exception));
    weft::handler& h = weft::handlers[exception - 16];
    if (h.function) h.function(h.context);
}

[[gnu::used]] void weft_irq_8();
void weft_irq_8() { weft::chip::on_alarm(); }

[[gnu::used]] void weft_irq_9();
void weft_irq_9() { (void)weft::machine::now(); } // counts the wrap

#define WEFT_LEVEL(line, level)                                                                              \
    [[gnu::used]] void weft_irq_##line();                                                                    \
    void weft_irq_##line() { weft::run_level(level); }
WEFT_LEVEL(28, 1)
WEFT_LEVEL(29, 2)
WEFT_LEVEL(30, 3)
WEFT_LEVEL(31, 4)
}
