// Device interrupts: who handles which.
#pragma once

namespace weft::chip {

// Called in an interrupt, with interrupts of the same or lower priority masked. May wake tasks, nothing else of weft.
using interrupt_function = void (*)(void* context) noexcept;

// Lets the interrupt with this number of the machine in, and calls `f(context)` each time; replaces the handler before. On
// Cortex-M a number is a line of the NVIC; on RISC-V it is a source of the PLIC, and 0 is the hart's software interrupt.
// WEFT_INTERRUPT(n) binds a line, or the software interrupt, at link time, without a table. A number that the machine does
// not have panics. In tasks or before they run.
void attach_interrupt(unsigned number, interrupt_function f, void* context) noexcept;
// The same without a handler in the table: for one that was bound at link time.
void enable_interrupt(unsigned number) noexcept;
// Keeps it out until enable_interrupt(); what comes meanwhile stays pending. Also in its own handler. The hart's software
// interrupt of RISC-V can't be kept out.
void mask_interrupt(unsigned number) noexcept;
// No longer lets it in.
void detach_interrupt(unsigned number) noexcept;

} // namespace weft::chip

// Defines the handler of a Cortex-M interrupt line, or with 0 of a RISC-V hart's software interrupt, at link time:
// WEFT_INTERRUPT(20) { button.wake(); }
#define WEFT_INTERRUPT(line)                                                                                 \
    extern "C" [[gnu::used]] void weft_irq_##line();                                                         \
    extern "C" void weft_irq_##line()
