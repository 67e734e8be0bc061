// Executors in interrupts: the higher preempts the lower, and wakes come from anywhere.
#include "check.hpp"

#include <weft/core/channel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::errc;
using weft::result;
using weft::task;
using weft::chip::executor_at;
using weft::chip::root_options;
using weft::chip::spawn;

// Who did what, in order.
char story[32];
unsigned told = 0;
void tell(char c) noexcept {
    std::uintptr_t saved = weft::port::lock();
    if (told < sizeof story - 1) story[told++] = c;
    weft::port::unlock(saved);
}
bool was(const char* expected) noexcept {
    story[told] = 0;
    told = 0;
    const char* s = story;
    while (*s && *s == *expected) ++s, ++expected;
    bool right = *s == *expected;
    if (!right) weft::chip::print_all("    it was ", story, "\n");
    return right;
}

constinit weft::waker first_level;
constinit weft::waker second_level;
constinit weft::waker same_level;
constinit weft::waker thread;
bool second_wakes_all = false;

task<> at_first() {
    for (;;) {
        (void)co_await first_level.wait();
        tell('a');
        second_level.wake(); // preempts this task at once
        same_level.wake();   // does not
        tell('b');
    }
}
task<> also_at_first() {
    for (;;) {
        (void)co_await same_level.wait();
        tell('s');
    }
}
task<> at_second() {
    for (;;) {
        (void)co_await second_level.wait();
        tell('X');
        if (second_wakes_all) {
            first_level.wake();
            thread.wake();
            second_wakes_all = false;
        }
        tell('Y');
    }
}

void wakes_second(void*) noexcept {
    tell('i');
    second_level.wake();
    tell('j');
}

task<> levels() {
    first_level.wake();
    tell('t');
    check(was("aXYbst"), "a higher level preempts the lower and the thread, an equal one waits");

    weft::chip::attach_interrupt(chip_test::test_interrupt, &wakes_second, nullptr);
    chip_test::raise_test_interrupt();
    tell('t');
    check(was("ijXYt"), "what an interrupt wakes runs when the interrupt ends, before what it interrupted");

    // On RISC-V it is the interrupt that levels are raised by, too.
    weft::chip::detach_interrupt(chip_test::test_interrupt);

    second_wakes_all = true;
    second_level.wake();
    tell('t');
    check(was("XYaXYbst"), "a higher level that wakes a lower one goes on first");
    auto woken = co_await thread.wait();
    check(woken.has_value(), "and the thread is woken from there, too");

    std::uintptr_t saved = weft::port::lock();
    second_level.wake();
    tell('t');
    weft::port::unlock(saved);
    asm volatile("nop\n\tnop");
    tell('u');
    check(was("tXYu"), "a lock holds up the levels, and no longer than it is held");
}

bool ticking = true;
volatile unsigned ticks = 0;
task<> ticks_at_first() {
    while (ticking) {
        (void)co_await weft::sleep_for(1ms);
        ticks = ticks + 1;
    }
}

constinit weft::channel<int, 2> numbers;
task<> receives_at_second(long& sum, bool& in_order) {
    int last = 0;
    while (auto got = co_await numbers.recv()) {
        in_order &= *got == last + 1;
        last = *got;
        sum += *got;
    }
    thread.wake();
}

task<result<int>> naps(bool& elsewhere) {
    elsewhere = weft::port::current() == &executor_at<1>();
    co_await weft::ok(weft::sleep_for(1ms));
    co_return 5;
}
task<result<int>> sleeps_long() {
    co_await weft::ok(weft::sleep_for(1h));
    co_return 6;
}
task<result<int>> on_first(task<result<int>> t) {
    co_return co_await weft::on(executor_at<1>(), std::move(t));
}

task<> through_time() {
    (void)spawn<ticks_at_first, root_options{.level = 1}>();
    unsigned spins = 0;
    while (ticks < 3 && spins < 100'000'000) ++spins; // never gives way
    check(ticks >= 3, "timers of a level fire while the thread is busy");
    ticking = false;

    long sum = 0;
    bool in_order = true;
    (void)spawn<receives_at_second, root_options{.level = 2}>(sum, in_order);
    for (int i = 1; i <= 100; ++i) (void)co_await numbers.send(i);
    numbers.close();
    (void)co_await thread.wait();
    check(sum == 5050 && in_order, "a channel from the thread to a level loses nothing");

    bool elsewhere = false;
    auto five = co_await on_first(naps(elsewhere));
    check(five == 5 && elsewhere, "on() runs a task at a level and brings its outcome back");
    auto late = co_await weft::timeout(1ms, on_first(sleeps_long()));
    check(!late && late.error() == errc::timed_out, "a timeout stops what waits at another level");
}

task<> all_of_it() {
    co_await levels();
    co_await through_time();
    chip_test::finish();
}

} // namespace

void weft::chip::start() {
    (void)spawn<at_first, root_options{.level = 1}>();
    (void)spawn<also_at_first, root_options{.level = 1}>();
    (void)spawn<at_second, root_options{.level = 2}>();
    (void)spawn<all_of_it, root_options{.arena = 1500, .branches = 4}>();
}
