// Uses every part of the core, so that the templates are compiled and not only parsed. Nothing here is run:
// the freestanding check looks at what the object asks for. Everything has external linkage, so that it stays.
#include <weft/core/barrier.hpp>
#include <weft/core/broadcast.hpp>
#include <weft/core/channel.hpp>
#include <weft/core/condition.hpp>
#include <weft/core/event.hpp>
#include <weft/core/latch.hpp>
#include <weft/core/machine/root.hpp>
#include <weft/core/machine/timer_wheel.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/oneshot.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/shared_mutex.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/watch.hpp>
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
        s.fork(blink(led, 500ms));
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
    task<result<int>> several[]{read(a), read(b)};
    auto values = co_await weft::ok(weft::when_all(std::move(several)));
    task<result<int>> racing[]{read(a), read(b)};
    auto race = co_await weft::ok(weft::when_any(std::span(racing)));
    if (race.first == 1) co_return values[0];
    auto in_time = co_await weft::timeout(10ms, read(a));
    if (!in_time) co_await weft::yield();
    auto stopped = co_await weft::until(stop.token(), read(b));
    auto cleaned_up = co_await weft::shielded(read(a));
    co_return stopped&& cleaned_up ? *stopped + *cleaned_up : 0;
}

task<result<int>> elsewhere(weft::executor& other, device& d) { co_return co_await weft::on(other, read(d)); }

// One of each, under either lock policy.
template <class Lock> struct shared_things {
    weft::basic_mutex<Lock> mutex;
    weft::basic_condition<Lock> filled;
    weft::basic_shared_mutex<Lock> table;
    weft::basic_semaphore<Lock> permits{4};
    weft::basic_event<Lock> started;
    weft::basic_auto_event<Lock> tick;
    weft::basic_barrier<Lock> together{2};
    weft::basic_latch<Lock> ready{2};
    int level = 0;
};

template <class Lock> task<result<int>> synchronise(shared_things<Lock>& all) {
    co_await weft::ok(all.started.wait());
    co_await weft::ok(all.permits.acquire(2));
    {
        auto held = co_await weft::ok(all.mutex.lock());
        co_await weft::ok(all.filled.wait(held, [&] { return all.level > 0; }));
        --all.level;
    }
    {
        auto reading = co_await weft::ok(all.table.lock_shared());
        if (all.level > 0) all.tick.set();
    }
    auto writing = co_await weft::timeout(1ms, all.table.lock());
    if (writing) all.ready.count_down();
    all.permits.release(2);
    co_await weft::ok(weft::when_all(all.tick.wait(), all.ready.wait()));
    bool last = co_await weft::ok(all.together.arrive_and_wait());
    co_return last ? all.level : 0;
}
template <class Lock> void fill(shared_things<Lock>& all) {
    if (auto held = all.mutex.try_lock()) ++all.level;
    all.filled.notify_one();
    all.filled.notify_all();
    all.started.set();
}

struct sample {
    std::uint32_t when;
    std::uint16_t value;
};
template <class Lock> struct streams {
    weft::basic_channel<sample, 8, Lock> inbox;
    weft::basic_oneshot<int, Lock> answer;
    weft::basic_broadcast<sample, 4, Lock> news;
    weft::basic_watch<int, Lock> setting{1};
};

template <class Lock> task<result<int>> converse(streams<Lock>& all) {
    auto listener = all.news.subscribe();
    auto observer = all.setting.observe();
    co_await weft::ok(all.inbox.send(sample{1, 2}));
    auto first = co_await weft::when_any(all.inbox.recv(), all.answer.recv(), weft::sleep_for(5ms));
    if (first.first == 1) co_return first.template get<1>();
    auto heard = co_await listener.recv();
    if (!heard && heard.error() == weft::errc::lagged) co_return heard.error().native();
    co_return co_await observer.changed();
}
template <class Lock> void produce(streams<Lock>& all, sample s) {
    (void)all.inbox.try_send(s);
    (void)all.answer.send(7);
    (void)all.news.send(s);
    all.setting.set(2);
    all.inbox.close();
}

template task<result<int>> synchronise(shared_things<weft::spin_lock>&);
template task<result<int>> synchronise(shared_things<weft::no_lock>&);
template void fill(shared_things<weft::spin_lock>&);
template void fill(shared_things<weft::no_lock>&);
template task<result<int>> converse(streams<weft::spin_lock>&);
template task<result<int>> converse(streams<weft::no_lock>&);
template void produce(streams<weft::spin_lock>&, sample);
template void produce(streams<weft::no_lock>&, sample);

// What a chip's program holds for as long as it runs must need no constructor at start.
constinit shared_things<weft::spin_lock> static_things;
constinit streams<weft::no_lock> static_streams;

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
