// A sweep runs a scenario again and again, with a stop at every point where one can come and without memory at every
// point where it is asked for. What a library must survive, it is shown to survive.
#pragma once

#include <weft/core/machine/root.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/testing.hpp>

namespace weft::testing {

// A port may supply this: from now on turn() runs at most so many jobs; 0: as many as it likes. Without it a stop can
// come only where a turn of the port ends.
[[gnu::weak]] void limit_turn(std::size_t jobs) noexcept;

// How a sweep went.
struct sweep_report {
    std::size_t turns = 0; // how many turns the undisturbed run took: so many stops were tried, in two ways
    std::size_t allocations = 0; // and how many allocations it asked for
    std::size_t runs = 0;
    std::size_t cancelled = 0;    // runs that ended with errc::cancelled
    const char* broken = nullptr; // what was wrong first; nullptr: nothing
    std::size_t broken_at = 0;    // at which turn or allocation

    bool held() const noexcept { return broken == nullptr; }
};

namespace detail {

// A run that takes more turns than this hangs.
inline constexpr std::size_t turn_limit = 100'000;

template <class Scenario> class sweeper {
  public:
    sweep_report run() {
        if (limit_turn) limit_turn(1);
        fail_allocation(0);
        result<void> undisturbed = once("undisturbed run", 0, never, never);
        report_.turns = turns_;
        report_.allocations = allocations();
        if (!undisturbed) break_off("undisturbed run", 0);
        for (std::size_t at = 0; at < report_.turns && report_.held(); ++at) {
            // At once, whatever is ready; and as a message that takes its turn behind what is ready.
            stopped_well(once("stop", at, at, never), "stop", at);
            stopped_well(once("stop by token", at, never, at), "stop by token", at);
        }
        for (std::size_t n = 1; n <= report_.allocations && report_.held(); ++n) {
            fail_allocation(n);
            result<void> r = once("failed allocation", n, never, never);
            fail_allocation(0);
            if (!r && r.error() != errc::out_of_memory) break_off("error of a failed allocation", n);
        }
        if (limit_turn) limit_turn(0);
        return report_;
    }

  private:
    static constexpr std::size_t never = ~std::size_t{0};

    void break_off(const char* what, std::size_t at) noexcept {
        if (report_.broken) return;
        report_.broken = what;
        report_.broken_at = at;
    }
    void stopped_well(const result<void>& r, const char* what, std::size_t at) noexcept {
        if (r) return;
        if (r.error() == errc::cancelled)
            ++report_.cancelled;
        else
            break_off(what, at);
    }
    static task<result<void>> under(stop_token token, Scenario& scenario) {
        task<result<void>> t = scenario.run();
        co_return co_await until(token, std::move(t));
    }

    result<void> once(const char* what, std::size_t number, std::size_t stop_at, std::size_t token_at) {
        ++report_.runs;
        result<void> outcome;
        {
            Scenario scenario;
            stop_source source;
            root<result<void>> r(under(source.token(), scenario));
            r.start(begin());
            for (turns_ = 0; !r.finished(); ++turns_) {
                if (turns_ == stop_at) r.request_stop();
                if (turns_ == token_at) source.request_stop();
                if (turns_ == turn_limit) port::panic("a scenario hangs");
                turn(r);
            }
            end();
            outcome = r.take();
            if (!scenario.holds(outcome)) break_off(what, number);
        }
        if (live_objects() != 0) break_off("something is alive", number);
        return outcome;
    }

    sweep_report report_;
    std::size_t turns_ = 0;
};

} // namespace detail

// Scenario is a default-constructible class; each run gets a new one:
//
//     task<result<void>> run();                  // awaits what is under test; errc::cancelled only after a stop,
//                                                // errc::out_of_memory only without memory
//     bool holds(const result<void>& outcome);   // what must be true after the run, however it ended
//
// Runs it once undisturbed, when it must succeed; then with a stop after each of its turns, once at once and once as a
// message in the queue; and then with each of its allocations failing. After each run holds() is asked, and frames
// and branches must be gone. A hang panics.
template <class Scenario> sweep_report sweep() { return detail::sweeper<Scenario>().run(); }

} // namespace weft::testing
