// Two harts: each runs its own tasks, and they wake each other.
#include "check.hpp"

#include <weft/core/channel.hpp>
#include <weft/core/latch.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/interrupt.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::result;
using weft::task;
using weft::chip::root_options;
using weft::chip::spawn;
using weft::machine::hart;

constexpr int rounds = 5000;

// On the second hart: what comes goes back, one higher.
struct exchange {
    weft::channel<int, 1> there, back;
    bool on_the_second = true;
};
task<> answer(exchange& e) {
    for (int i = 0; i < rounds; ++i) {
        auto value = co_await e.there.recv();
        e.on_the_second = e.on_the_second && hart() == 1;
        auto sent = co_await e.back.send(*value + 1);
        if (!sent) co_return;
    }
}

struct counted {
    weft::mutex turn;
    weft::latch done{8};
    unsigned count = 0; // by both harts, under the mutex
    weft::atomic<std::uint32_t> on_hart[2];
};
task<> count(counted& c) {
    for (int i = 0; i < 500; ++i) {
        auto held = co_await c.turn.lock();
        unsigned seen = c.count;
        if (i % 16 == 0) co_await weft::yield();
        c.count = seen + 1;
    }
    c.on_hart[hart()].fetch_add(1, weft::order::relaxed);
    c.done.count_down();
}

// Sleeps on the second hart, while the first one does.
struct sleeps {
    weft::latch done{1};
    std::int64_t took = 0;
    bool on_the_second = false;
};
task<> sleep_there(sleeps& s) {
    std::int64_t began = weft::machine::now();
    (void)co_await weft::sleep_for(20ms);
    s.took = weft::machine::now() - began;
    s.on_the_second = hart() == 1;
    s.done.count_down();
}

// A level of the first hart, woken by the second one while the first one's thread does not let go.
constinit weft::waker level_waker;
weft::atomic<std::uint32_t> preempted{0};
task<> at_a_level() {
    (void)co_await level_waker.wait();
    preempted.store(1 + hart(), weft::order::release);
}
task<> wake_the_level() {
    level_waker.wake();
    co_return;
}

// An interrupt of the first hart wakes a task of the second.
constinit weft::waker by_interrupt;
struct woken {
    weft::latch done{1};
    unsigned times = 0;
};
task<> wait_for_interrupts(woken& w) {
    while (w.times < 200) {
        (void)co_await by_interrupt.wait();
        ++w.times;
    }
    w.done.count_down();
}

task<int> where(int) { co_return static_cast<int>(hart()); }
task<result<int>> never() {
    co_await weft::ok(weft::sleep_for(1h));
    co_return 0;
}

// Combinators, cancelled timers and children on the second hart.
struct busy {
    weft::latch done{1};
    int sum = 0;
    int timed_out = 0;
};
task<int> add(int n) {
    co_await weft::yield();
    co_return n;
}
task<> combine(busy& b) {
    for (int i = 0; i < 200; ++i) {
        auto both = co_await weft::when_all(add(i), add(1));
        if (both) b.sum += std::get<0>(*both) + std::get<1>(*both);
        auto first = co_await weft::timeout(100us, never());
        if (!first) ++b.timed_out;
    }
    b.done.count_down();
}

task<> test() {
    static exchange e;
    constexpr root_options there{.arena = 2048, .branches = 4, .hart = 1};
    constexpr root_options counter{.arena = 1024, .instances = 8};
    constexpr root_options counter_there{.arena = 1024, .instances = 8, .hart = 1}; // of the same eight

    bool right = spawn<answer, there>(e).has_value();
    for (int i = 0; i < rounds && right; ++i) {
        auto sent = co_await e.there.send(i);
        auto came = co_await e.back.recv();
        right = sent && came && *came == i + 1;
    }
    check(right && e.on_the_second && hart() == 0, "values go to the second hart and come back");

    static counted c;
    bool started = true;
    for (int i = 0; i < 4; ++i)
        started = started && spawn<count, counter>(c) && spawn<count, counter_there>(c);
    (void)co_await c.done.wait();
    check(started && c.count == 4000, "tasks of both harts take turns at a mutex");
    check(c.on_hart[0].load(weft::order::relaxed) == 4 && c.on_hart[1].load(weft::order::relaxed) == 4,
          "and stay on their harts");

    static sleeps s;
    std::int64_t began = weft::machine::now();
    (void)spawn<sleep_there, there>(s);
    (void)co_await weft::sleep_for(10ms);
    std::int64_t first = weft::machine::now() - began;
    (void)co_await s.done.wait();
    check(s.on_the_second && s.took >= 20'000'000 && s.took < 200'000'000 && first >= 10'000'000,
          "each hart has its own alarm");

    (void)spawn<at_a_level, root_options{.level = 3}>();
    co_await weft::yield();
    (void)spawn<wake_the_level, there>();
    std::int64_t patience = weft::machine::now() + 1'000'000'000;
    while (preempted.load(weft::order::acquire) == 0 && weft::machine::now() < patience) {}
    check(preempted.load(weft::order::acquire) == 1, "the second hart raises a level of the first, at once");

    static woken w;
    (void)spawn<wait_for_interrupts, there>(w);
    weft::chip::attach_interrupt(0, [](void*) noexcept { by_interrupt.wake(); }, nullptr);
    while (!w.done.try_wait()) {
        weft::machine::ring(0); // its own software interrupt
        (void)co_await weft::sleep_for(100us);
    }
    check(w.times == 200, "an interrupt wakes a task of the second hart");

    static busy b;
    (void)spawn<combine, there>(b);
    (void)co_await b.done.wait();
    check(b.sum == 199 * 200 / 2 + 200 && b.timed_out == 200, "combinators and timeouts on the second hart");

    auto moved = co_await weft::on(weft::chip::hart_executor(1), where(0));
    check(moved && *moved == 1 && hart() == 0, "on() takes a task to the second hart, and its value back");
    auto stopped = co_await weft::timeout(1ms, weft::on(weft::chip::hart_executor(1), never()));
    check(!stopped, "and a stop reaches it there");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 4096, .branches = 6}>(); }
