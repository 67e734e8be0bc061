// Work that blocks or computes for long, on a thread of its own, while the others go on.
//
// Prints:
//     the answer took its time: 104729
//     and meanwhile the clock went on
#include <chrono>
#include <cstdio>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

int nth_prime(int n) {
    for (int candidate = 2, found = 0;; ++candidate) {
        bool prime = true;
        for (int d = 2; d * d <= candidate && prime; ++d) prime = candidate % d != 0;
        if (prime && ++found == n) return candidate;
    }
}

weft::task<weft::result<int>> answer() {
    auto work = [] { return nth_prime(10'000); };
    co_return co_await weft::blocking(work);
}

weft::task<weft::result<void>> tick(int& ticks) {
    for (;;) {
        co_await weft::ok(weft::sleep_for(100us));
        ++ticks;
    }
}

weft::task<weft::result<int>> program(int& ticks) {
    auto body = [&](weft::scope& s) -> weft::task<weft::result<int>> {
        s.spawn(tick(ticks));
        auto found = co_await answer();
        s.request_stop(); // else the scope would wait for tick()
        co_return found;
    };
    co_return co_await weft::with_scope(body);
}

int main() {
    int ticks = 0;
    auto found = weft::run(program(ticks));
    std::printf("the answer took its time: %d\n", found.value_or(-1));
    std::printf("and meanwhile the clock %s\n", ticks > 0 ? "went on" : "stood still");
}
