// Boost.Asio: the workloads with its coroutines (awaitable, co_spawn), its timers and its channels.
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include "../../histogram.hpp"
#include "../../measure.hpp"
#include "../../workload.hpp"

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using failure = boost::system::error_code;
using clock_type = std::chrono::steady_clock;

std::size_t sink = 0;

void run_all(asio::io_context& context, std::size_t threads) {
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&] { context.run(); });
    context.run();
    for (std::thread& t : others) t.join();
}
int hint(std::size_t threads) { return static_cast<int>(threads ? threads : 1); }

awaitable<std::uint64_t> one(std::uint64_t v) { co_return v; }
awaitable<void> child(std::size_t n) {
    measure::begin();
    for (std::size_t i = 0; i < n; ++i) sink += co_await one(i);
    measure::end("child", n);
}
void run_child(const measure::arguments& a) {
    asio::io_context context(1);
    asio::co_spawn(context, child(a[0]), asio::detached);
    context.run();
    measure::expect(sink, measure::sum_below(a[0]), "sum of the children");
}

// Joined by a counter, and by a timer that the last one rings: there is no group to wait for.
struct batch {
    template <class Executor>
    batch(std::size_t n, const Executor& here) : left(n), done(here, clock_type::time_point::max()) {}
    std::atomic<std::size_t> left;
    asio::steady_timer done;
};
awaitable<void> trivial(batch& b, std::uint8_t& ran) {
    ran = 1;
    if (b.left.fetch_sub(1, std::memory_order_acq_rel) == 1)
        asio::post(b.done.get_executor(), [&b] { b.done.cancel(); });
    co_return;
}
awaitable<void> spawner(asio::io_context& context, std::size_t n, std::vector<std::uint8_t>& ran) {
    auto here = co_await asio::this_coro::executor;
    measure::begin();
    for (std::size_t i = 0; i < n; i += ran.size()) {
        batch b(ran.size(), here);
        for (std::uint8_t& r : ran) asio::co_spawn(context, trivial(b, r), asio::detached);
        failure rang;
        co_await b.done.async_wait(asio::redirect_error(use_awaitable, rang));
    }
    measure::end("spawn", n);
}
void run_spawn(const measure::arguments& a) {
    std::vector<std::uint8_t> ran(a[1]);
    asio::io_context context(hint(a[2]));
    asio::co_spawn(asio::make_strand(context), spawner(context, a[0], ran), asio::detached);
    run_all(context, a[2]);
    for (std::uint8_t r : ran) sink += r;
    measure::expect(sink, a[1], "tasks that ran");
}

awaitable<void> yielder(std::size_t n) {
    auto here = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < n; ++i) co_await asio::post(here, use_awaitable);
}
void run_yield(const measure::arguments& a) {
    asio::io_context context(1);
    for (std::size_t i = 0; i < a[0]; ++i) asio::co_spawn(context, yielder(a[1] / a[0]), asio::detached);
    measure::begin();
    context.run();
    measure::end("yield", a[1] / a[0] * a[0]);
}

template <class Channel> awaitable<void> ping(Channel& out, Channel& in, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        co_await out.async_send(failure(), i, use_awaitable);
        sink += co_await in.async_receive(use_awaitable);
    }
}
template <class Channel> awaitable<void> pong(Channel& in, Channel& out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t v = co_await in.async_receive(use_awaitable);
        co_await out.async_send(failure(), v, use_awaitable);
    }
}
template <class Channel> void ping_pong(std::size_t n, int threads) {
    asio::io_context context(threads);
    Channel there(context, 1), back(context, 1);
    asio::co_spawn(context, ping(there, back, n), asio::detached);
    asio::co_spawn(context, pong(there, back, n), asio::detached);
    measure::begin();
    context.run();
    measure::end("channel", n);
    measure::expect(sink, measure::sum_below(n), "sum of the values");
}
using shared_channel = asio::experimental::concurrent_channel<void(failure, std::uint64_t)>;
void run_channel(const measure::arguments& a) {
    if (a[1] == 0)
        ping_pong<asio::experimental::channel<void(failure, std::uint64_t)>>(a[0], 1);
    else
        ping_pong<shared_channel>(a[0], 2); // 2: with all its locks, although one thread runs it
}

awaitable<void> sleeper(std::chrono::nanoseconds wait) {
    asio::steady_timer timer(co_await asio::this_coro::executor, wait);
    co_await timer.async_wait(use_awaitable);
    ++sink;
}
void run_sleepers(const measure::arguments& a) {
    asio::io_context context(1);
    std::uint64_t seed = measure::seed;
    measure::begin();
    for (std::size_t i = 0; i < a[0]; ++i) {
        std::chrono::nanoseconds wait(measure::next(seed) % 1'000'000'000);
        asio::co_spawn(context, sleeper(wait), asio::detached);
    }
    context.run();
    measure::end("sleepers", a[0]);
    measure::expect(sink, a[0], "sleepers that ended");
}

// expires_after() cancels the wait that there was; the queue hands out its cancelled handlers now and then.
void run_timer(const measure::arguments& a) {
    asio::io_context context(1);
    std::uint64_t seed = measure::seed;
    std::vector<asio::steady_timer> all;
    auto arm = [&](asio::steady_timer& t) {
        t.expires_after(std::chrono::nanoseconds(measure::far_ahead(seed)));
        t.async_wait([](failure why) {
            if (!why) measure::fail("timer: one rang");
        });
    };
    for (std::size_t i = 0; i < a[1]; ++i) arm(all.emplace_back(context));
    measure::begin();
    for (std::size_t i = 0; i < a[0]; ++i) {
        arm(all[measure::next(seed) % a[1]]);
        if (i % 1024 == 1023) context.poll();
    }
    context.poll();
    measure::end("timer", a[0]); // the others are cancelled with their owners
}

awaitable<void> a_turn() {
    auto here = co_await asio::this_coro::executor;
    co_await asio::post(here, use_awaitable);
}
awaitable<void> timeouts(std::size_t n) {
    using namespace asio::experimental::awaitable_operators;
    std::uint64_t seed = measure::seed;
    asio::steady_timer limit(co_await asio::this_coro::executor);
    measure::begin();
    for (std::size_t i = 0; i < n; ++i) {
        limit.expires_after(std::chrono::nanoseconds(measure::far_ahead(seed)));
        auto first = co_await (a_turn() || limit.async_wait(use_awaitable));
        if (first.index() != 0) measure::fail("timeout: one rang");
    }
    measure::end("timeout", n);
    std::fflush(stdout);
    std::quick_exit(0);
}
void run_timeout(const measure::arguments& a) {
    asio::io_context context(1);
    std::uint64_t seed = measure::seed;
    for (std::size_t i = 0; i < a[1]; ++i)
        asio::co_spawn(context, sleeper(std::chrono::nanoseconds(measure::far_ahead(seed))), asio::detached);
    context.poll();
    asio::co_spawn(context, timeouts(a[0]), asio::detached);
    context.run();
}

void run_idle(const measure::arguments& a) {
    asio::io_context context(1);
    long before = measure::status_kb("VmRSS:");
    for (std::size_t i = 0; i < a[0]; ++i)
        asio::co_spawn(context, sleeper(std::chrono::hours(1)), asio::detached);
    context.poll();
    measure::end_bytes("idle", before, a[0]);
    std::fflush(stdout);
    std::quick_exit(0);
}

void run_idle_cpu(const measure::arguments& a) {
    asio::io_context context(2);
    asio::steady_timer timer(context, std::chrono::milliseconds(10));
    timer.async_wait([&](failure) {
        measure::begin();
        timer.expires_after(std::chrono::milliseconds(a[0]));
        timer.async_wait([](failure) { measure::end("idle-cpu", 1); });
    });
    run_all(context, 2);
}

// What is always ready here is a channel that has room, and then a value.
struct fairness {
    clock_type::time_point end;
    measure::histogram lateness;
    std::size_t turns = 0;
};
awaitable<void> greedy(fairness& f) {
    asio::experimental::channel<void(failure, int)> always_ready(co_await asio::this_coro::executor, 1);
    for (; clock_type::now() < f.end; ++f.turns) {
        for (int i = 0; i < 8; ++i) {
            co_await always_ready.async_send(failure(), i, use_awaitable);
            co_await always_ready.async_receive(use_awaitable);
        }
    }
}
awaitable<void> polite(fairness& f) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (clock_type::now() < f.end) {
        auto due = clock_type::now() + std::chrono::milliseconds(10);
        timer.expires_at(due);
        co_await timer.async_wait(use_awaitable);
        f.lateness.add(static_cast<std::uint64_t>((clock_type::now() - due).count()));
    }
}
void run_fair(const measure::arguments& a) {
    asio::io_context context(1);
    fairness f;
    f.end = clock_type::now() + std::chrono::milliseconds(a[1]);
    for (std::size_t i = 0; i < a[0]; ++i) asio::co_spawn(context, polite(f), asio::detached);
    asio::co_spawn(context, greedy(f), asio::detached);
    measure::begin();
    context.run();
    measure::end("fair", f.turns, f.lateness.members());
}

// Two contexts, each with a thread on a CPU of its own; with `busy` each has a task that is always ready.
struct two_contexts {
    asio::io_context here{1}, there{1};
    std::atomic<bool> over = false;

    awaitable<void> keep_awake() {
        auto executor = co_await asio::this_coro::executor;
        while (!over.load(std::memory_order_relaxed)) co_await asio::post(executor, use_awaitable);
    }
    void run(bool busy) {
        int first = measure::required_cpu(0), second = measure::required_cpu(1);
        if (busy) {
            asio::co_spawn(here, keep_awake(), asio::detached);
            asio::co_spawn(there, keep_awake(), asio::detached);
        }
        std::thread other([&] {
            measure::pin_this_thread(second);
            there.run();
        });
        measure::pin_this_thread(first);
        here.run();
        other.join();
    }
};

awaitable<void> ping_across(two_contexts& both, shared_channel& out, shared_channel& in, std::size_t n) {
    measure::begin();
    co_await ping(out, in, n);
    measure::end("channel-cross", n);
    both.over.store(true, std::memory_order_relaxed);
}
void run_channel_cross(const measure::arguments& a) {
    two_contexts both;
    shared_channel there(both.here, 1), back(both.here, 1);
    asio::co_spawn(both.here, ping_across(both, there, back, a[0]), asio::detached);
    asio::co_spawn(both.there, pong(there, back, a[0]), asio::detached);
    both.run(a[1] != 0);
    measure::expect(sink, measure::sum_below(a[0]), "sum of the values");
}

struct wake_up {
    std::atomic<std::uint64_t> set_at = 0;
    std::atomic<std::size_t> seen = 0;
    measure::histogram latencies;
};
awaitable<void> waker(two_contexts& both, wake_up& w, std::size_t n) {
    asio::steady_timer timer(both.here);
    for (std::size_t i = 0; i < n; ++i) {
        do {
            timer.expires_after(std::chrono::microseconds(100));
            co_await timer.async_wait(use_awaitable);
        } while (w.seen.load(std::memory_order_relaxed) != i);
        w.set_at.store(measure::wall(), std::memory_order_relaxed);
        asio::post(both.there, [&w, i] {
            w.latencies.add(measure::wall() - w.set_at.load(std::memory_order_relaxed));
            w.seen.store(i + 1, std::memory_order_relaxed);
        });
    }
}
void run_wake(const measure::arguments& a) {
    two_contexts both;
    wake_up w;
    auto keep_running = std::make_optional(asio::make_work_guard(both.there));
    asio::co_spawn(both.here, waker(both, w, a[0]), [&](std::exception_ptr) { keep_running.reset(); });
    measure::begin();
    both.run(false);
    measure::end("wake", a[0], w.latencies.members());
}

void run_cancel(const measure::arguments& a) {
    asio::io_context context(1);
    std::vector<asio::ip::udp::socket> sockets;
    std::vector<char> buffers(64 * a[0]);
    asio::ip::udp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
    for (std::size_t i = 0; i < a[0]; ++i)
        sockets.emplace_back(context, loopback)
            .async_receive(asio::buffer(&buffers[64 * i], 64),
                           [](failure why, std::size_t) { sink += why == asio::error::operation_aborted; });
    context.poll();
    measure::begin();
    for (asio::ip::udp::socket& socket : sockets) socket.cancel();
    context.run();
    measure::end("cancel", a[0]);
    measure::expect(sink, a[0], "reads that were cancelled");
}

} // namespace

int main(int argc, char** argv) {
    constexpr measure::workload all[] = {
        {"child N", run_child},
        {"spawn N ALIVE [THREADS]", run_spawn},
        {"yield TASKS N", run_yield},
        {"channel N [THREADS]", run_channel},
        {"sleepers N", run_sleepers},
        {"timer N LIVE", run_timer},
        {"timeout N LIVE", run_timeout},
        {"idle N", run_idle},
        {"idle-cpu MILLISECONDS", run_idle_cpu},
        {"fair POLITE MILLISECONDS", run_fair},
        {"channel-cross N [BUSY]", run_channel_cross},
        {"wake N", run_wake},
        {"cancel N", run_cancel},
    };
    return measure::run_workload(argc, argv, all);
}
