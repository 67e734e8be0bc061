// Last words: why, which task, and where every task waits.
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/root_place.hpp>

#include <weft/core/port.hpp>

extern "C" {
extern unsigned char weft_stack_bottom[], weft_stack_guard_end[], weft_stack_top[]; // from the linker script
}

namespace weft {

namespace chip {

namespace {

// std::source_location::__impl, which the await sites are.
struct await_site {
    const char* file;
    const char* function;
    unsigned line;
    unsigned column;
};

constexpr int deepest_report = 16; // frames of one task

// From the frame that waits up to the root. A frame's promise stands behind its first two words.
void print_calls(continuation* frame) noexcept {
    for (int depth = 0; frame && depth < deepest_report; ++depth) {
        if (frame->destroy == &link_marker) {
            frame = static_cast<link*>(frame)->owner;
            continue;
        }
        promise_base& promise = promise_of(*frame);
        bool ended = promise.has_value() || promise.has_exception(); // then there is no site
        if (auto* site = static_cast<const await_site*>(promise.site); site && !ended)
            print_all("    at ", site->file, ":", std::int64_t{site->line}, "\n");
        frame = promise.parent;
    }
}

void print_root(const root_place& place, unsigned instance, const root_slot* running) noexcept {
    root_slot& slot = place.slot(instance);
    if (slot.is_free()) return;
    print_all("task ", place.name);
    if (place.instances > 1) print_all(" #", std::int64_t{instance});
    leaf* waits = slot.header.waiting.load(order::relaxed);
    if (&slot == running)
        print(" runs, or one of its children; last awaited\n");
    else if (waits)
        print_all(" waits: ", waits->kind->what, "\n");
    else
        print(" is ready; last awaited\n");
    print_calls(slot.header.target);
}

} // namespace

void print_tasks() noexcept {
    const root_slot* running = running_root();
    for (const root_place* place = weft_root_places; place != weft_root_places_end; ++place)
        for (unsigned i = 0; i < place->instances; ++i) print_root(*place, i, running);
}

namespace {

[[noreturn]] void end(const char* why) noexcept {
    print_all(why, "\n");
    print_tasks();
    machine::halt(1);
}

} // namespace

} // namespace chip

void port::panic(const char* why) noexcept {
    machine::mask();
    chip::print("\npanic: ");
    chip::end(why);
}

} // namespace weft

// For machines: a fault of the hardware, on a stack of its own. `address` is what was accessed, as far as it is known.
extern "C" [[noreturn, gnu::used]] void weft_fault(std::uintptr_t cause, std::uintptr_t pc,
                                                   std::uintptr_t address, std::uintptr_t sp);
void weft_fault(std::uintptr_t cause, std::uintptr_t pc, std::uintptr_t address, std::uintptr_t sp) {
    using namespace weft::chip;
    weft::machine::mask();
    print_all("\nfault: ", weft::machine::fault_name(cause), ", instruction at ");
    print_hex(pc);
    print(", address ");
    print_hex(address);
    print(", stack pointer ");
    print_hex(sp);
    print("\n");
    // Each hart's stack stands below that of the hart before.
    std::uintptr_t below =
        weft::machine::hart() * static_cast<std::uintptr_t>(weft_stack_top - weft_stack_bottom);
    std::uintptr_t guard = reinterpret_cast<std::uintptr_t>(weft_stack_bottom) - below;
    std::uintptr_t guard_end = reinterpret_cast<std::uintptr_t>(weft_stack_guard_end) - below;
    bool overflow = (address >= guard && address < guard_end) || sp < guard_end;
    end(overflow ? "the stack has overflowed" : "the program is broken");
}
