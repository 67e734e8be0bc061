// Tasks on weft: calls, spawns, yields, hand-offs between two tasks, fork and join.
#include <weft/core/channel.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

#include "weft_bench.hpp"

namespace benchmark {
namespace {

// A child: created, awaited, destroyed.
[[gnu::noinline]] weft::task<std::uint64_t> one(std::uint64_t v) { co_return v; }

weft::task<> calls(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sink += co_await one(i);
}

weft::task<> child(std::size_t n) {
    measure::begin();
    co_await calls(n);
    measure::end("child", n);
}

// Spawn and join: scopes of `alive` trivial children, one after the other. On several threads each child counts for
// itself: a shared counter would be what is measured.
[[gnu::noinline]] weft::task<> trivial(std::uint8_t& ran) {
    ran = 1;
    co_return;
}

weft::task<> spawner(std::size_t n, std::vector<std::uint8_t>& ran) {
    auto batch = [&](weft::scope& s) -> weft::task<> {
        for (std::uint8_t& r : ran) s.spawn(trivial(r));
        co_return;
    };
    for (std::size_t i = 0; i < n; i += ran.size()) (void)co_await weft::with_scope(batch);
}

weft::task<> spawn(std::size_t n, std::size_t alive) {
    std::vector<std::uint8_t> ran(alive);
    co_await spawner(alive, ran); // fills the pools
    for (std::uint8_t& r : ran) r = 0;
    measure::begin();
    co_await spawner(n, ran);
    measure::end("spawn", n);
    for (std::uint8_t r : ran) sink += r;
    measure::expect(sink, alive, "tasks that ran");
}

weft::task<> yielder(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) co_await weft::yield();
}

weft::task<> yields(std::size_t tasks, std::size_t n) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        for (std::size_t i = 0; i < tasks; ++i) s.spawn(yielder(n / tasks));
        measure::begin();
        co_return;
    };
    (void)co_await weft::with_scope(all);
    measure::end("yield", n / tasks * tasks);
}

// One slot each way; whoever waits goes through the ready queue.
template <class Channel> weft::task<> ping(Channel& out, Channel& in, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        (void)co_await out.send(i);
        sink += *co_await in.recv();
    }
}

template <class Channel> weft::task<> pong(Channel& in, Channel& out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t v = *co_await in.recv();
        (void)co_await out.send(v);
    }
}

template <class Channel> weft::task<> channels(std::size_t n) {
    Channel there, back;
    auto both = [&](weft::scope& s) -> weft::task<> {
        s.spawn(ping(there, back, n));
        s.spawn(pong(there, back, n));
        measure::begin();
        co_return;
    };
    (void)co_await weft::with_scope(both);
    measure::end("channel", n);
    measure::expect(sink, measure::sum_below(n), "sum of the values");
}

// Both wait for it before it is free for the first time; from then on each unlock hands it to the other.
template <class Mutex> weft::task<> locker(Mutex& m, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        auto held = co_await m.lock();
        ++sink;
    }
}

template <class Mutex> weft::task<> mutexes(std::size_t n) {
    Mutex m;
    auto both = [&](weft::scope& s) -> weft::task<> {
        auto held = co_await m.lock();
        s.spawn(locker(m, n / 2));
        s.spawn(locker(m, n / 2));
        co_await weft::yield();
        measure::begin();
    };
    (void)co_await weft::with_scope(both);
    measure::end("mutex", n / 2 * 2);
    measure::expect(sink, n / 2 * 2, "locks");
}

// Both tasks on one worker of several: what a program with threads pays for a hand-off that crosses none.
template <class Local, class Shared> void on_one_worker(Local local, Shared shared, std::size_t threads) {
    if (threads == 0) return weft::run(local());
    weft::runtime_options options;
    options.threads = threads;
    options.mode = weft::worker_mode::pinned;
    weft::run(options, shared());
}

weft::task<std::uint64_t> fib(std::uint64_t n) {
    if (n < 2) co_return n;
    auto [a, b] = (co_await weft::when_all(fib(n - 1), fib(n - 2))).value();
    co_return a + b;
}

weft::task<> fork_join(std::size_t n) {
    measure::begin();
    std::uint64_t result = co_await fib(n);
    measure::end("fib", measure::calls_of_fib(n));
    measure::expect(result, measure::fib_of(n), "fib");
}

weft::task<std::uint64_t> skynet(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) co_return first;
    std::uint64_t each = leaves / 10;
    auto parts = co_await weft::when_all(skynet(first, each), skynet(first + each, each),
                                         skynet(first + 2 * each, each), skynet(first + 3 * each, each),
                                         skynet(first + 4 * each, each), skynet(first + 5 * each, each),
                                         skynet(first + 6 * each, each), skynet(first + 7 * each, each),
                                         skynet(first + 8 * each, each), skynet(first + 9 * each, each));
    auto [a, b, c, d, e, f, g, h, i, j] = parts.value();
    co_return a + b + c + d + e + f + g + h + i + j;
}

weft::task<> fork_ten(std::size_t leaves) {
    measure::begin();
    std::uint64_t result = co_await skynet(0, leaves);
    measure::end("skynet", measure::calls_of_skynet(leaves));
    measure::expect(result, measure::sum_below(leaves), "skynet");
}

} // namespace

void run_child(const measure::arguments& a) {
    weft::run(child(a[0]));
    measure::expect(sink, measure::sum_below(a[0]), "sum of the children");
}
void run_spawn(const measure::arguments& a) { run_on(a[2], spawn(a[0], a[1])); }
void run_yield(const measure::arguments& a) { run_on(a[2], yields(a[0], a[1])); }
void run_channel(const measure::arguments& a) {
    on_one_worker([&] { return channels<weft::local::channel<std::uint64_t, 1>>(a[0]); },
                  [&] { return channels<weft::channel<std::uint64_t, 1>>(a[0]); }, a[1]);
}
void run_mutex(const measure::arguments& a) {
    on_one_worker([&] { return mutexes<weft::local::mutex>(a[0]); },
                  [&] { return mutexes<weft::mutex>(a[0]); }, a[1]);
}
void run_fib(const measure::arguments& a) { run_on(a[1], fork_join(a[0])); }
void run_skynet(const measure::arguments& a) { run_on(a[1], fork_ten(a[0])); }

} // namespace benchmark
