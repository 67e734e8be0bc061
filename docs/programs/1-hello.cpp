// The smallest program: a task, and the way into it from main().
//
// Prints:
//     hello
//     hello again
#include <chrono>
#include <cstdio>

#include <weft/core/sleep.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<int> greet() {
    std::puts("hello");
    (void)co_await weft::sleep_for(10ms);
    std::puts("hello again");
    co_return 0;
}

int main() { return weft::run(greet()); }
