// libuv: timers, wakes across threads, cancelling. It has callbacks and no tasks.
#include <atomic>
#include <thread>
#include <vector>

#include <uv.h>

#include "../../histogram.hpp"
#include "../../measure.hpp"
#include "../../workload.hpp"

namespace {

std::size_t sink = 0;

void check(int status, const char* what) {
    if (status) measure::fail((std::string(what) + ": " + uv_strerror(status)).c_str());
}

void ended(uv_timer_t*) { ++sink; }
void rang(uv_timer_t*) { measure::fail("timer: one rang"); }

void run_sleepers(const measure::arguments& a) {
    uv_loop_t* loop = uv_default_loop();
    std::uint64_t seed = measure::seed;
    measure::begin();
    std::vector<uv_timer_t> all(a[0]);
    uv_update_time(loop);
    for (uv_timer_t& t : all) {
        uv_timer_init(loop, &t);
        uv_timer_start(&t, ended, measure::next(seed) % 1000 + 1, 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    measure::end("sleepers", a[0]);
    measure::expect(sink, a[0], "timers that rang");
}

void run_timer(const measure::arguments& a) {
    uv_loop_t* loop = uv_default_loop();
    std::uint64_t seed = measure::seed;
    std::vector<uv_timer_t> all(a[1]);
    auto arm = [&](uv_timer_t& t) {
        uv_update_time(loop);
        uv_timer_start(&t, rang, measure::far_ahead(seed) / 1'000'000, 0);
    };
    for (uv_timer_t& t : all) {
        uv_timer_init(loop, &t);
        arm(t);
    }
    measure::begin();
    for (std::size_t i = 0; i < a[0]; ++i) {
        uv_timer_t& t = all[measure::next(seed) % a[1]];
        uv_timer_stop(&t);
        arm(t);
    }
    measure::end("timer", a[0]);
}

void run_idle(const measure::arguments& a) {
    long before = measure::status_kb("VmRSS:");
    for (std::size_t i = 0; i < a[0]; ++i) {
        auto* t = new uv_timer_t; // each on its own, as a program has them
        uv_timer_init(uv_default_loop(), t);
        uv_timer_start(t, rang, 3'600'000, 0);
    }
    measure::end_bytes("idle", before, a[0]);
}

// Two loops, each with a thread on a CPU of its own. An uv_async_t carries no value: the counters are the message.
struct side {
    uv_loop_t loop;
    uv_async_t bell;
    uv_idle_t awake; // keeps the loop from sleeping
    side* other;
    std::size_t rounds = 0;

    void open(uv_async_cb called, bool busy) {
        check(uv_loop_init(&loop), "uv_loop_init");
        check(uv_async_init(&loop, &bell, called), "uv_async_init");
        bell.data = this;
        uv_idle_init(&loop, &awake);
        if (busy) uv_idle_start(&awake, [](uv_idle_t*) {});
    }
    void close() {
        uv_close(reinterpret_cast<uv_handle_t*>(&bell), nullptr);
        uv_close(reinterpret_cast<uv_handle_t*>(&awake), nullptr);
    }
};

// Measures from now on, with `there` on the second CPU and the caller on the first.
std::thread begin_on_two_cpus(side& there) {
    int first = measure::required_cpu(0), second = measure::required_cpu(1);
    measure::begin();
    std::thread other([&there, second] {
        measure::pin_this_thread(second);
        uv_run(&there.loop, UV_RUN_DEFAULT);
    });
    measure::pin_this_thread(first);
    return other;
}

void run_channel_cross(const measure::arguments& a) {
    static std::size_t n;
    n = a[0];
    static side here, there;
    here.other = &there;
    there.other = &here;
    auto called = [](uv_async_t* bell) {
        side& s = *static_cast<side*>(bell->data);
        ++s.rounds;
        // The last message of each has been sent when this one is `there` and has had n, or `here` and has had n.
        if (s.rounds < n || &s == &there) uv_async_send(&s.other->bell);
        if (s.rounds == n) s.close();
    };
    here.open(called, a[1]);
    there.open(called, a[1]);
    std::thread other = begin_on_two_cpus(there);
    uv_async_send(&there.bell);
    uv_run(&here.loop, UV_RUN_DEFAULT);
    other.join();
    measure::end("channel-cross", n);
    measure::expect(here.rounds, n, "round trips");
}

void run_wake(const measure::arguments& a) {
    static std::size_t n;
    n = a[0];
    static std::atomic<std::uint64_t> set_at;
    static std::atomic<std::size_t> seen;
    static measure::histogram latencies;
    static side there;
    there.open(
        [](uv_async_t*) {
            latencies.add(measure::wall() - set_at.load(std::memory_order_relaxed));
            seen.store(++there.rounds, std::memory_order_relaxed);
            if (there.rounds == n) there.close();
        },
        false);
    std::thread other = begin_on_two_cpus(there);
    for (std::size_t i = 0; i < n; ++i) {
        do measure::pause(100'000);
        while (seen.load(std::memory_order_relaxed) != i);
        set_at.store(measure::wall(), std::memory_order_relaxed);
        uv_async_send(&there.bell);
    }
    other.join();
    measure::end("wake", n, latencies.members());
}

// Here a read is called off by closing its socket, and the close is part of the figure.
void run_cancel(const measure::arguments& a) {
    uv_loop_t* loop = uv_default_loop();
    static char buffer[64];
    std::vector<uv_udp_t> sockets(a[0]);
    sockaddr_in at;
    uv_ip4_addr("127.0.0.1", 0, &at);
    for (uv_udp_t& socket : sockets) {
        check(uv_udp_init(loop, &socket), "uv_udp_init");
        check(uv_udp_bind(&socket, reinterpret_cast<sockaddr*>(&at), 0), "uv_udp_bind");
        check(uv_udp_recv_start(
                  &socket,
                  [](uv_handle_t*, std::size_t, uv_buf_t* b) { *b = uv_buf_init(buffer, sizeof buffer); },
                  [](uv_udp_t*, ssize_t, const uv_buf_t*, const sockaddr*, unsigned) {}),
              "uv_udp_recv_start");
    }
    uv_run(loop, UV_RUN_NOWAIT);
    measure::begin();
    for (uv_udp_t& socket : sockets)
        uv_close(reinterpret_cast<uv_handle_t*>(&socket), [](uv_handle_t*) { ++sink; });
    uv_run(loop, UV_RUN_DEFAULT);
    measure::end("cancel", a[0]);
    measure::expect(sink, a[0], "reads that were cancelled");
}

} // namespace

int main(int argc, char** argv) {
    constexpr measure::workload all[] = {
        {"sleepers N", run_sleepers}, {"timer N LIVE", run_timer},
        {"idle N", run_idle},         {"channel-cross N [BUSY]", run_channel_cross},
        {"wake N", run_wake},         {"cancel N", run_cancel},
    };
    return measure::run_workload(argc, argv, all);
}
