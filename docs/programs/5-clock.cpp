// Testing what waits: on the hand port, where the clock jumps to the next moment for which somebody waits.
//
// Prints:
//     worked at try 3, after 300 ms
//     gave up at try 10, after 51100 ms
#include <chrono>
#include <cstdio>

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/ports/hand/hand.hpp>

using namespace std::chrono_literals;

// What is under test: tries again and again, and waits twice as long after each failure.
template <class F> weft::task<weft::result<int>> retry(F& attempt, int tries) {
    weft::clock::duration wait = 100ms;
    for (int i = 1;; ++i) {
        weft::result<void> r = co_await attempt(i);
        if (r) co_return i;
        if (i == tries) co_return weft::failure(r.error());
        co_await weft::ok(weft::sleep_for(wait));
        wait *= 2;
    }
}

long long milliseconds_since(weft::clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(weft::clock::now() - start).count();
}

int main() {
    int tries = 0;
    auto third_works = [&](int i) -> weft::task<weft::result<void>> {
        tries = i;
        if (i < 3) co_return weft::failure(weft::errc::connection_refused);
        co_return {};
    };
    auto start = weft::clock::now();
    auto worked = weft::hand::run(retry(third_works, 10));
    std::printf("worked at try %d, after %lld ms\n", worked.value_or(-1), milliseconds_since(start));

    auto never_works = [&](int i) -> weft::task<weft::result<void>> {
        tries = i;
        co_return weft::failure(weft::errc::connection_refused);
    };
    start = weft::clock::now();
    auto failed = weft::hand::run(retry(never_works, 10));
    std::printf("%s at try %d, after %lld ms\n", failed ? "worked" : "gave up", tries,
                milliseconds_since(start));
}
