// The floors' workloads on weft: the same work, in the way a user would write it, on weft::run's one thread. Sizes and
// output are floor.cpp's, so that each line has its counterpart.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <weft/core/channel.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/task.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>

#include "measure.hpp"

namespace {

std::uint64_t sink = 0;

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

// Spawn and join: scopes of `alive` trivial children, one after the other.
[[gnu::noinline]] weft::task<> trivial() {
    sink = sink + 1;
    co_return;
}

weft::task<> spawner(std::size_t n, std::size_t alive) {
    auto batch = [&](weft::scope& s) -> weft::task<> {
        for (std::size_t k = 0; k < alive; ++k) s.spawn(trivial());
        co_return;
    };
    for (std::size_t i = 0; i < n; i += alive) (void)co_await weft::with_scope(batch);
}

weft::task<> spawn(std::size_t n, std::size_t alive) {
    co_await spawner(alive, alive); // fills the pools
    measure::begin();
    co_await spawner(n, alive);
    measure::end("spawn", n);
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
using one_slot = weft::local::channel<std::uint64_t, 1>;

weft::task<> ping(one_slot& out, one_slot& in, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        (void)co_await out.send(i);
        sink += *co_await in.recv();
    }
}

weft::task<> pong(one_slot& in, one_slot& out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t v = *co_await in.recv();
        (void)co_await out.send(v);
    }
}

weft::task<> channels(std::size_t n) {
    one_slot there, back;
    auto both = [&](weft::scope& s) -> weft::task<> {
        s.spawn(ping(there, back, n));
        s.spawn(pong(there, back, n));
        measure::begin();
        co_return;
    };
    (void)co_await weft::with_scope(both);
    measure::end("channel", n);
}

weft::task<> sleeper(weft::clock::duration wait) {
    (void)co_await weft::sleep_for(wait);
    ++sink;
}

// What a task costs that sleeps: by the process's resident memory, with everything that belongs to it.
weft::task<> idle(std::size_t n) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        long before = measure::status_kb("VmRSS:");
        for (std::size_t i = 0; i < n; ++i) s.spawn(sleeper(std::chrono::hours(1)));
        co_await weft::yield(); // behind them: now all sleep
        long after = measure::status_kb("VmRSS:");
        std::printf("{\"name\":\"idle\",\"bytes\":%.1f}\n",
                    static_cast<double>(after - before) * 1024 / static_cast<double>(n));
        s.request_stop();
    };
    (void)co_await weft::with_scope(all);
    if (sink != n) {
        std::fprintf(stderr, "weft_bench: %llu of %zu sleepers ended\n",
                     static_cast<unsigned long long>(sink), n);
        std::exit(1);
    }
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
}

} // namespace

int main(int argc, char** argv) {
    std::string_view what = argc > 1 ? argv[1] : "";
    auto number = [&](int i) -> std::size_t { return argc > i ? std::strtoull(argv[i], nullptr, 10) : 0; };
    std::size_t a = number(2), b = number(3);
    if (what == "child" && a) {
        weft::run(child(a));
    } else if (what == "spawn" && a && b) {
        weft::run(spawn(a, b));
    } else if (what == "yield" && a && b) {
        weft::run(yields(a, b));
    } else if (what == "channel" && a) {
        weft::run(channels(a));
    } else if (what == "idle" && a) {
        weft::run(idle(a));
    } else if (what == "sleepers" && a) {
        weft::run(sleepers(a));
    } else {
        std::fprintf(stderr,
                     "usage: weft_bench child N | spawn N ALIVE | yield TASKS N | channel N | idle N | "
                     "sleepers N\n");
        return 2;
    }
}
