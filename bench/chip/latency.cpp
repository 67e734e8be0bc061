// How many instructions lie between an interrupt and the task that waits for it, and between two tasks.
#include "../../tests/chip/check.hpp"
#include "marks.hpp"

#include <weft/core/waker.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using weft::task;
using weft::chip::root_options;
using weft::chip::spawn;

constexpr int rounds = 200;

constinit weft::waker thread_event;
constinit weft::waker higher_event;
constinit weft::waker ping;
constinit weft::waker pong;
constinit weft::waker done;
bool played = false;
bool armed = false; // by trap: an interrupt comes as soon as nothing is ready

#if defined(__riscv)
constinit weft::waker* event_of_interrupt = &thread_event; // it has one interrupt that needs no device
#endif

task<> higher() {
    for (;;) {
        (void)co_await higher_event.wait();
        MARK(higher_runs);
    }
}

task<> yields() {
    for (int i = 0; i < rounds; ++i) {
        MARK(yielded);
        co_await weft::yield();
    }
}

task<> answers() {
    for (;;) {
        (void)co_await ping.wait();
        pong.wake();
    }
}

task<> measured();

task<> waits() {
    armed = true;
    for (int i = 0;; ++i) {
#if !defined(BY_TRAP)
        // Pending, and let in by the loop when the chip sleeps.
        weft::machine::mask();
        chip_test::raise_test_interrupt();
        MARK(raised);
#endif
        if (i == rounds) break;
        (void)co_await thread_event.wait();
        MARK(task_runs);
    }
    weft::machine::unmask();
    armed = false;
    (void)spawn<measured>();
}

task<> plays() {
    for (int i = 0; i < rounds; ++i) {
        ping.wake();
        (void)co_await pong.wait();
        MARK(round_trip);
    }
    played = true;
    done.wake();
}

task<> measured() {
    (void)spawn<yields>();
    for (int i = 0; i < rounds; ++i) {
        MARK(yielded);
        co_await weft::yield();
    }
    (void)spawn<answers>();
    (void)spawn<plays>();
    while (!played) (void)co_await done.wait();
#if defined(__riscv)
    event_of_interrupt = &higher_event;
#endif
    for (int i = 0; i < rounds; ++i) {
        chip_test::raise_second_test_interrupt();
        MARK(lower_runs);
    }
    weft::machine::halt(0);
}

} // namespace

#if defined(__riscv)
WEFT_INTERRUPT(0) { event_of_interrupt->wake(); }
#else
WEFT_INTERRUPT(20) { thread_event.wake(); }
WEFT_INTERRUPT(21) { higher_event.wake(); }
#endif

void weft::chip::start() {
    enable_interrupt(chip_test::test_interrupt);
    enable_interrupt(chip_test::second_test_interrupt);
    (void)spawn<higher, root_options{.level = 1}>();
    (void)spawn<waits>();
#if defined(BY_TRAP)
    // The loop of every firmware, but that it does not sleep.
    executor& e = main_executor();
    for (;;) {
        if (e.turn()) continue;
        if (armed) chip_test::raise_test_interrupt();
        machine::unmask();
    }
#endif
}
