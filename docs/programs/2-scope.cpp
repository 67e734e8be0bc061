// A scope: children that run beside each other, a failure that stops its siblings, and two ways to an outcome.
//
// Prints:
//     the sum is 42
//     poll was asked to stop
//     the scope: not found
//     both: 1 and two
#include <chrono>
#include <cstdio>
#include <string>
#include <tuple>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_all.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<int> measure(int value) {
    (void)co_await weft::sleep_for(1ms);
    co_return value;
}

// Two children, and the body waits for their values.
weft::task<weft::result<int>> add() {
    auto body = [](weft::scope& s) -> weft::task<weft::result<int>> {
        auto left = s.spawn(measure(40));
        auto right = s.spawn(measure(2));
        int a = co_await weft::ok(left.join());
        int b = co_await weft::ok(right.join());
        co_return a + b;
    };
    co_return co_await weft::with_scope(body);
}

weft::task<weft::result<void>> poll(const char* name) {
    for (;;) {
        weft::result<void> slept = co_await weft::sleep_for(1h);
        if (!slept) {
            std::printf("%s was asked to stop\n", name);
            co_return slept;
        }
    }
}

weft::task<weft::result<void>> fail_soon() {
    co_await weft::ok(weft::sleep_for(5ms));
    co_return weft::failure(weft::errc::not_found);
}

// The failure of one child is the end of the other, and of the whole.
weft::task<weft::result<void>> one_fails() {
    auto body = [](weft::scope& s) -> weft::task<> {
        s.spawn(poll("poll"));
        s.spawn(fail_soon());
        co_return;
    };
    co_return co_await weft::with_scope(body);
}

weft::task<std::string> word() { co_return "two"; }

weft::task<> program() {
    auto sum = co_await add();
    std::printf("the sum is %d\n", sum.value_or(-1));

    auto ended = co_await one_fails();
    std::printf("the scope: %s\n", ended ? "well" : ended.error().message());

    auto both = co_await weft::when_all(measure(1), word());
    if (both) std::printf("both: %d and %s\n", std::get<0>(*both), std::get<1>(*both).c_str());
}

int main() { weft::run(program()); }
