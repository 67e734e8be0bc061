// Timers and rest on weft: sleepers, timers that are taken back, tasks that wait, and whether all get their turn.
#include <vector>

#include <weft/core/mutex.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/yield.hpp>

#include "../histogram.hpp"
#include "weft_bench.hpp"

namespace benchmark {
namespace {

weft::task<> sleeper(weft::clock::duration wait) {
    (void)co_await weft::sleep_for(wait);
    ++sink;
}

weft::task<> sleepers(std::size_t n) {
    measure::begin();
    auto all = [&](weft::scope& s) -> weft::task<> {
        std::uint64_t seed = measure::seed;
        for (std::size_t i = 0; i < n; ++i)
            s.spawn(sleeper(weft::clock::duration(measure::next(seed) % 1'000'000'000)));
        co_return;
    };
    (void)co_await weft::with_scope(all);
    measure::end("sleepers", n);
    measure::expect(sink, n, "sleepers that ended");
}

// A timer of the queue's own kind, as whoever writes a leaf would use it.
class far_timer : public weft::timer {
  public:
    far_timer() noexcept : timer(kind_of_this) {}

  private:
    static void rang(weft::timer&) noexcept { measure::fail("timer: one rang"); }
    static constexpr timer_kind kind_of_this{{"far", [](weft::leaf&) noexcept {}}, &rang};
};

// One of many is taken out and put in again, farther on.
weft::task<> timers(std::size_t n, std::size_t live) {
    std::uint64_t seed = measure::seed;
    std::vector<far_timer> all(live);
    weft::executor& here = *weft::port::current();
    auto arm = [&](far_timer& t) {
        t.deadline = weft::port::now() + static_cast<std::int64_t>(measure::far_ahead(seed));
        weft::port::insert_timer(here, t);
    };
    for (far_timer& t : all) arm(t);
    measure::begin();
    for (std::size_t i = 0; i < n; ++i) {
        far_timer& t = all[measure::next(seed) % live];
        weft::port::remove_timer(here, t);
        arm(t);
    }
    measure::end("timer", n);
    for (far_timer& t : all) weft::port::remove_timer(here, t);
    co_return;
}

weft::task<weft::result<void>> a_turn() {
    co_await weft::yield();
    co_return {};
}

// What most timers are for: a limit that is not reached, beside `live` tasks that sleep.
weft::task<> timeouts(std::size_t n, std::size_t live) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        std::uint64_t seed = measure::seed;
        for (std::size_t i = 0; i < live; ++i)
            s.spawn(sleeper(weft::clock::duration(measure::far_ahead(seed))));
        co_await weft::yield(); // behind them: now all sleep
        measure::begin();
        for (std::size_t i = 0; i < n; ++i) {
            weft::clock::duration limit(measure::far_ahead(seed));
            auto done = co_await weft::timeout(limit, a_turn());
            if (!done) measure::fail("timeout: one rang");
        }
        measure::end("timeout", n);
        s.request_stop();
    };
    (void)co_await weft::with_scope(all);
}

// What a task costs that sleeps: by the process's resident memory, with everything that belongs to it.
weft::task<> idle(std::size_t n) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        long before = measure::status_kb("VmRSS:");
        for (std::size_t i = 0; i < n; ++i) s.spawn(sleeper(std::chrono::hours(1)));
        co_await weft::yield(); // behind them: now all sleep
        measure::end_bytes("idle", before, n);
        s.request_stop();
    };
    (void)co_await weft::with_scope(all);
    measure::expect(sink, n, "sleepers that ended");
}

// Two workers that have both worked, and now have nothing to do.
weft::task<> idle_cpu(weft::runtime& r, std::size_t milliseconds) {
    co_await weft::on(r.worker(1), sleeper(std::chrono::milliseconds(10)));
    measure::begin();
    (void)co_await weft::sleep_for(std::chrono::milliseconds(milliseconds));
    measure::end("idle-cpu", 1);
}

// A greedy task takes a mutex that is always free, and never waits; polite ones sleep for 10 ms at a time, and say how
// late they woke.
struct fairness {
    weft::clock::time_point end;
    measure::histogram lateness;
    std::size_t turns = 0;
};

weft::task<> greedy(fairness& f) {
    weft::local::mutex always_free;
    for (; weft::clock::now() < f.end; ++f.turns) {
        for (int i = 0; i < 16; ++i) auto held = co_await always_free.lock();
    }
}

weft::task<> polite(fairness& f) {
    while (weft::clock::now() < f.end) {
        weft::clock::time_point due = weft::clock::now() + std::chrono::milliseconds(10);
        (void)co_await weft::sleep_until(due);
        f.lateness.add(static_cast<std::uint64_t>((weft::clock::now() - due).count()));
    }
}

weft::task<> fair(std::size_t tasks, std::size_t milliseconds) {
    fairness f;
    auto all = [&](weft::scope& s) -> weft::task<> {
        f.end = weft::clock::now() + std::chrono::milliseconds(milliseconds);
        for (std::size_t i = 0; i < tasks; ++i) s.spawn(polite(f));
        s.spawn(greedy(f));
        measure::begin();
        co_return;
    };
    (void)co_await weft::with_scope(all);
    measure::end("fair", f.turns, f.lateness.members());
}

} // namespace

void run_sleepers(const measure::arguments& a) { weft::run(sleepers(a[0])); }
void run_timer(const measure::arguments& a) { weft::run(timers(a[0], a[1])); }
void run_timeout(const measure::arguments& a) { weft::run(timeouts(a[0], a[1])); }
void run_idle(const measure::arguments& a) { weft::run(idle(a[0])); }
void run_fair(const measure::arguments& a) { weft::run(fair(a[0], a[1])); }
void run_idle_cpu(const measure::arguments& a) {
    weft::runtime r(two_pinned());
    r.run(idle_cpu(r, a[0]));
}

} // namespace benchmark
