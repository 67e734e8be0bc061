// How long interrupts are held up by what wakes or stops many at once: a section's length must not grow with their number.
#include "marks.hpp"

#include <weft/core/channel.hpp>
#include <weft/core/condition.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using weft::result;
using weft::task;

enum : int {
    over = 1,
    closes_1,
    closes_8,
    closes_64,
    notifies_1,
    notifies_8,
    notifies_64,
    stops_1,
    stops_8,
    stops_64
};

using inbox = weft::channel<int, 1>;

task<> receives(inbox& c) { (void)co_await c.recv(); }

template <int M, int N> task<> close_with_waiters() {
    inbox c;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < N; ++i) s.spawn(receives(c));
        co_await weft::yield();
        MARK(M);
        c.close();
        MARK(over);
    };
    (void)co_await weft::with_scope(body);
}

struct gate {
    weft::mutex mutex;
    weft::condition opened;
    bool open = false;
};

task<> passes(gate& g) {
    auto held = co_await g.mutex.lock();
    (void)co_await g.opened.wait(*held, [&g] { return g.open; });
}

template <int M, int N> task<> notify_waiters() {
    gate g;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < N; ++i) s.spawn(passes(g));
        co_await weft::yield();
        auto held = co_await g.mutex.lock();
        g.open = true;
        MARK(M);
        g.opened.notify_all();
        MARK(over);
    };
    (void)co_await weft::with_scope(body);
}

task<> sleeps(weft::stop_token token) { (void)co_await weft::until(token, weft::sleep_for(1h)); }

template <int M, int N> task<> stop_waiters() {
    weft::stop_source source;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < N; ++i) s.spawn(sleeps(source.token()));
        co_await weft::yield();
        MARK(M);
        source.request_stop();
        MARK(over);
    };
    (void)co_await weft::with_scope(body);
}

task<> all() {
    co_await close_with_waiters<closes_1, 1>();
    co_await close_with_waiters<closes_8, 8>();
    co_await close_with_waiters<closes_64, 64>();
    co_await notify_waiters<notifies_1, 1>();
    co_await notify_waiters<notifies_8, 8>();
    co_await notify_waiters<notifies_64, 64>();
    co_await stop_waiters<stops_1, 1>();
    co_await stop_waiters<stops_8, 8>();
    co_await stop_waiters<stops_64, 64>();
    weft::machine::halt(0);
}

} // namespace

void weft::chip::start() { (void)spawn<all>(); }
