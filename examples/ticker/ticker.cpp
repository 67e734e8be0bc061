// A service that ends well: it works until it is asked to stop, then says goodbye, within a limit.
//
//     weft-ticker [period in milliseconds]              Ctrl-C, or kill: it finishes its tick, says goodbye, and ends with 0
//
// It shows signals as values that a task waits for, a stop that reaches everything that runs, clean-up that awaits in spite
// of the stop, an end at once for those who ask a second time, and a worker that is watched and begun again when it fails.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/io/signal_set.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

void say(const char* what, long n = -1) {
    n < 0 ? std::printf("%s\n", what) : std::printf("%s %ld\n", what, n);
    std::fflush(stdout);
}

// Fails at each fifth tick, as services do.
weft::task<weft::result<void>> tick(weft::clock::duration period, long& ticks) {
    weft::interval each(period, weft::missed_ticks::skip);
    for (;;) {
        co_await weft::ok(each.tick());
        say("tick", ++ticks);
        if (ticks % 5 == 0) co_return weft::failure(weft::errc::io_error);
    }
}

// What it does to its peers before it goes: here, it only takes a while.
weft::task<weft::result<void>> say_goodbye() {
    co_await weft::ok(weft::sleep_for(100ms));
    say("goodbye");
    co_return {};
}

// Begins the work again when it fails, and not at once, and says goodbye when it is asked to stop.
weft::task<weft::result<void>> keep_ticking(weft::clock::duration period) {
    long ticks = 0;
    for (;;) {
        weft::result<void> ended = co_await tick(period, ticks);
        if (!ended && ended.error() != weft::errc::cancelled) {
            say("failed; again in a moment");
            ended = co_await weft::sleep_for(period);
        }
        if (ended) continue;
        // From here on everything that this task awaits is cancelled, but what is shielded; and that has a limit.
        co_return co_await weft::shielded(weft::timeout(2s, say_goodbye()));
    }
}

weft::task<weft::result<void>> program(weft::clock::duration period) {
    auto made = weft::signal_set::make(weft::signal_interrupt, weft::signal_terminate);
    weft::signal_set signals = co_await weft::ok(std::move(made));
    auto body = [&](weft::scope& s) -> weft::task<weft::result<void>> {
        auto work = s.spawn(keep_ticking(period));
        int which = co_await weft::ok(signals.next());
        signals = weft::signal_set(); // for those who lose patience: a second signal has its usual effect
        say("asked to stop by signal", which);
        s.request_stop();
        // The stop has reached this body as well: what it awaits from here on is shielded.
        auto ended = co_await weft::shielded(work.join());
        if (!ended) co_return weft::failure(ended.error());
        co_return {};
    };
    co_return co_await weft::with_scope(body);
}

int main(int argc, char** argv) {
    std::string_view text = argc > 1 ? argv[1] : "1000";
    long period = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), period);
    if (argc > 2 || problem != std::errc() || period < 1)
        return std::fprintf(stderr, "usage: weft-ticker [period in milliseconds]\n"), 2;
    weft::result<void> done = weft::run(program(std::chrono::milliseconds(period)));
    if (!done) return std::fprintf(stderr, "weft-ticker: %s\n", done.error().message()), 1;
    say("ended");
}
