// Uses every part of the core, so that the templates are compiled and not only parsed. Nothing here is run:
// the freestanding check looks at what the object asks for. Everything has external linkage, so that it stays.
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/root.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/timer_wheel.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace freestanding_check {

using namespace std::chrono_literals;
using weft::result;
using weft::task;

// What an interrupt handler would hold.
struct device {
    weft::waker ready;
    int value = 0;
};
void on_interrupt(device& d) { d.ready.wake(); }

task<result<int>> read(device& d) {
    co_await weft::ok(d.ready.wait());
    co_return d.value;
}

task<result<int>> sum(device& a, device& b) {
    int first = co_await weft::ok(read(a));
    auto second = co_await read(b);
    if (!second) co_return weft::failure(second.error());
    co_return first + *second;
}

task<> blink(int& led, weft::clock::duration period) {
    weft::interval tick(period, weft::missed_ticks::skip);
    while (co_await tick.tick()) led ^= 1;
}

task<result<void>> nursery(device& d, int& led) {
    int got = 0;
    auto body = [&](weft::scope& s) -> task<result<void>> {
        s.spawn(blink(led, 500ms));
        auto reading = s.spawn(read(d), 0);
        got = co_await weft::ok(reading.join());
        s.request_stop();
        co_return {};
    };
    co_await weft::ok(weft::with_scope(body));
    co_return got > 0 ? result<void>() : weft::failure(weft::errc::invalid_argument);
}

task<result<int>> combined(device& a, device& b, weft::stop_source& stop) {
    auto both = co_await weft::when_all(read(a), read(b));
    if (!both) co_return weft::failure(both.error());
    auto either = co_await weft::when_any(read(a), weft::sleep_for(1s));
    if (either.first == 1) co_return std::get<0>(*both);
    auto in_time = co_await weft::timeout(10ms, read(a));
    if (!in_time) co_await weft::yield();
    auto stopped = co_await weft::until(stop.token(), read(b));
    auto cleaned_up = co_await weft::shielded(read(a));
    co_return stopped&& cleaned_up ? *stopped + *cleaned_up : 0;
}

task<result<int>> elsewhere(weft::executor& other, device& d) { co_return co_await weft::on(other, read(d)); }

// A port's loop, without the port.
int run(weft::executor& here, weft::timer_wheel& timers, device& a, device& b) {
    weft::root<result<int>> main_task(sum(a, b));
    main_task.start(here.level());
    while (!main_task.finished()) {
        if (here.run(64)) continue;
        timers.advance(weft::port::now());
        if (here.prepare_idle()) here.finish_idle();
    }
    return main_task.take().value_or(-1);
}

} // namespace freestanding_check
