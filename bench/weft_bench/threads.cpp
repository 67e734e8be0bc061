// Two workers of weft, each on a CPU of its own: hand-offs and wakes that cross. With BUSY each has another task that is
// always ready, so that neither ever sleeps.
#include <atomic>

#include <weft/core/channel.hpp>
#include <weft/core/event.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

#include "../histogram.hpp"
#include "weft_bench.hpp"

namespace benchmark {
namespace {

std::atomic<bool> over = false;

weft::task<> keep_awake() {
    while (!over.load(std::memory_order_relaxed)) co_await weft::yield();
}

// Runs `there` on worker 1 beside `here` on worker 0.
weft::task<> both(weft::runtime& r, weft::task<> here, weft::task<> there, bool busy) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        if (busy) {
            s.spawn(keep_awake());
            if (!r.spawn_on(1, keep_awake())) measure::fail("no task for worker 1");
        }
        (void)co_await weft::when_all(std::move(here), weft::on(r.worker(1), std::move(there)));
        over.store(true, std::memory_order_relaxed);
    };
    (void)co_await weft::with_scope(all);
}

using one_slot = weft::channel<std::uint64_t, 1>;

weft::task<> ping(one_slot& out, one_slot& in, std::size_t n) {
    measure::begin();
    for (std::size_t i = 0; i < n; ++i) {
        (void)co_await out.send(i);
        sink += *co_await in.recv();
    }
    measure::end("channel-cross", n);
    measure::expect(sink, measure::sum_below(n), "sum of the values");
}
weft::task<> pong(one_slot& in, one_slot& out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t v = *co_await in.recv();
        (void)co_await out.send(v);
    }
}

// What counts is the change of owner, not the lock that a worker gets again before the other has noticed.
struct shared_counter {
    weft::mutex guard;
    int owner = 0;
    std::size_t changes = 0;
};
weft::task<> locker(shared_counter& c, int self, std::size_t n) {
    for (;;) {
        auto held = co_await c.guard.lock();
        if (c.changes >= n) co_return;
        c.changes += c.owner != self;
        c.owner = self;
    }
}
weft::task<> mutexes(weft::runtime& r, std::size_t n, bool busy) {
    shared_counter c;
    measure::begin();
    co_await both(r, locker(c, 0, n), locker(c, 1, n), busy);
    measure::end("mutex-cross", n);
    measure::expect(c.changes, n, "changes of owner");
}

// From the moment before the wake to the moment when the task goes on, on a worker that sleeps.
struct wake_up {
    weft::auto_event event;
    std::atomic<std::uint64_t> set_at = 0;
    std::atomic<std::size_t> seen = 0;
    measure::histogram latencies;
};
weft::task<> waker(wake_up& w, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        do (void)co_await weft::sleep_for(std::chrono::microseconds(100));
        while (w.seen.load(std::memory_order_relaxed) != i);
        w.set_at.store(measure::wall(), std::memory_order_relaxed);
        w.event.set();
    }
}
weft::task<> woken(wake_up& w, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        (void)co_await w.event.wait();
        w.latencies.add(measure::wall() - w.set_at.load(std::memory_order_relaxed));
        w.seen.store(i + 1, std::memory_order_relaxed);
    }
}
weft::task<> wakes(weft::runtime& r, std::size_t n) {
    wake_up w;
    measure::begin();
    co_await both(r, waker(w, n), woken(w, n), false);
    measure::end("wake", n, w.latencies.members());
}

weft::task<> channels(weft::runtime& r, std::size_t n, bool busy) {
    one_slot there, back;
    co_await both(r, ping(there, back, n), pong(there, back, n), busy);
}

} // namespace

void run_channel_cross(const measure::arguments& a) {
    weft::runtime r(two_pinned());
    r.run(channels(r, a[0], a[1]));
}
void run_mutex_cross(const measure::arguments& a) {
    weft::runtime r(two_pinned());
    r.run(mutexes(r, a[0], a[1]));
}
void run_wake(const measure::arguments& a) {
    weft::runtime r(two_pinned());
    r.run(wakes(r, a[0]));
}

} // namespace benchmark
