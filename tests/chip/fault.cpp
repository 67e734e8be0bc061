// Ends badly, in the way that FAULT says: the report must name the task, where each waits, and why.
#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/waker.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using weft::result;
using weft::task;

constinit weft::waker never;

task<result<void>> inner() {
    co_await weft::ok(never.wait()); // await: the innermost
    co_return {};
}
task<> waits_in_a_child() { (void)co_await inner(); }   // await: its parent
task<> sleeps() { (void)co_await weft::sleep_for(1h); } // await: sleeps

[[gnu::noinline]] int recursion(volatile int* from, int depth) {
    volatile int here[16];
    here[depth % 16] = *from + depth;
    if (here[depth % 16] == 0) return 0; // never, which the compiler must not know
    return recursion(here, depth + 1) + here[0];
}

task<> breaks() {
    (void)co_await weft::sleep_for(1ms); // await: breaks
    volatile int start = 1;
    switch (FAULT) {
    case 0: break; // another task ends with an error
    case 1: weft::port::panic("for a test");
    case 2: __builtin_trap();
    case 3: start = recursion(&start, 0); break;
    case 4:
        start = *reinterpret_cast<volatile int*>(std::uintptr_t{0x40000004}) +
                *reinterpret_cast<volatile int*>(std::uintptr_t{0xf0000000});
        break;
    }
}

task<result<void>> fails() {
    (void)co_await weft::sleep_for(2ms); // await: fails
    co_return weft::failure(weft::errc::no_space);
}

} // namespace

void weft::chip::start() {
    (void)spawn<waits_in_a_child, root_options{.arena = 200}>();
    (void)spawn<sleeps>();
    (void)spawn<breaks>();
    (void)spawn<fails>();
}
