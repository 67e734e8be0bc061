// Four ways to ask for a stop, and what those who are asked see of it.
//
// Prints:
//     timeout: the time ran out
//     until: cancelled
//     when_any: the second was first, and the first said cancelled
//     said goodbye
//     shielded: cancelled
#include <chrono>
#include <cstdio>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_any.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

const char* said(const weft::result<void>& r) { return r ? "well" : r.error().message(); }

weft::task<weft::result<void>> work() { co_return co_await weft::sleep_for(1h); }

// Everything that this task awaits after the stop fails at once, but what is shielded.
weft::task<weft::result<void>> say_goodbye() {
    weft::result<void> slept = co_await weft::sleep_for(1h);
    if (!slept) {
        (void)co_await weft::shielded(weft::sleep_for(1ms)); // as a last message to a peer
        std::puts("said goodbye");
    }
    co_return slept;
}

weft::task<weft::result<void>> stop_soon(weft::stop_source& source) {
    co_await weft::ok(weft::sleep_for(1ms));
    source.request_stop();
    co_return {};
}

weft::task<> program() {
    auto late = co_await weft::timeout(5ms, work());
    std::printf("timeout: %s\n", late.error() == weft::errc::timed_out ? "the time ran out" : said(late));

    weft::stop_source source;
    auto stopper = [&](weft::scope& s) -> weft::task<weft::result<void>> {
        s.spawn(stop_soon(source));
        co_return co_await weft::until(source.token(), work());
    };
    auto stopped = co_await weft::with_scope(stopper);
    std::printf("until: %s\n", said(stopped));

    auto race = co_await weft::when_any(work(), weft::sleep_for(5ms));
    std::printf("when_any: the %s was first, and the first said %s\n", race.first == 1 ? "second" : "first",
                said(race.get<0>()));

    auto gone = co_await weft::timeout(1ms, say_goodbye());
    std::printf("shielded: %s\n", gone.error() == weft::errc::timed_out ? "cancelled" : said(gone));
}

int main() { weft::run(program()); }
