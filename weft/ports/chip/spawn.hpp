// Root tasks of a firmware: each stands in static storage of exactly its size, reserved when the program is linked.
//
//     weft::task<> blink(led& l) { … }
//
//     void weft::chip::start() {
//         (void)spawn<blink>(green);
//         (void)spawn<control, root_options{.level = 2}>(motor);               // in an interrupt of level 2
//         (void)spawn<echo, root_options{.arena = 512, .instances = 4}>(uart); // calls other tasks; four at most
//     }
//
// A program whose tasks do not fit is not linked, and the message names them. tools/frames.py (`make frames`) lists what
// each takes.
#pragma once

#include <functional>

#include <weft/core/machine/task_access.hpp>
#include <weft/core/result.hpp>
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/root_place.hpp>

namespace weft::chip {

// What a root task needs beside its frame. Written out, since each is memory.
struct root_options {
    unsigned level = 0; // the executor: 0 is the thread's, above are interrupts
    unsigned arena = 0; // bytes for the frames of the tasks that it awaits or spawns
    unsigned branches =
        0; // how many operands of combinators and spawned tasks it has at the same time, all in all
    unsigned instances = 1; // how many of it may run at the same time
    unsigned hart = 0;      // whose thread, where there are several; levels are the first one's
};

namespace detail {

root_slot* claim(const root_place& place) noexcept;
void launch(root_slot& slot, executor& home, continuation& frame, branch*& made) noexcept;

// The symbol tells tools/frames.py what to lay out, and is where it puts the description.
template <auto F, root_options O> const root_place& place_of() noexcept {
    const root_place* place;
#if defined(__riscv)
    asm("la %0, weft_root.%1.%2.%3.%4"
#else
    asm("movw %0, #:lower16:weft_root.%c1.%c2.%c3.%c4\n\tmovt %0, #:upper16:weft_root.%c1.%c2.%c3.%c4"
#endif
        : "=r"(place)
        : "i"(O.arena), "i"(O.branches), "i"(O.instances), "i"(F));
    return *place;
}

} // namespace detail

// Starts the task F(arguments…) on its executor; it runs when its turn comes, and nobody waits for its end. Yields
// errc::busy if all instances are running already. A root that ends with an error or without memory for its children
// says so by itself: it panics with its name. In a task, or before tasks run. No allocation but its own place.
template <auto F, root_options O = root_options{}, class... A>
[[nodiscard("a root task that did not start is busy")]] result<void> spawn(A&&... arguments) noexcept {
    using made = std::invoke_result_t<decltype(F), A...>;
    static_assert(is_task<made>, "a root task is a function that returns a weft::task");
    static_assert(O.instances >= 1 && O.instances <= 0xffff && O.level <= max_levels);
    root_slot* slot = detail::claim(detail::place_of<F, O>());
    if (!slot) return failure(errc::busy);
    made t = F(std::forward<A>(arguments)...);
    branch* b;
    detail::launch(*slot, executor_at<O.level, O.hart>(), task_access::frame(t), b);
    task_access::root_of(t, *b);
    task_access::release(t);
    scope_base::launch(*b);
    return {};
}

} // namespace weft::chip
