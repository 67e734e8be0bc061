// A channel between producers and consumers, with room for four values: who is faster waits for the slower.
//
// Prints:
//     the sum of the squares up to 100 is 338350
#include <cstdio>

#include <weft/core/channel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/runtime/run.hpp>

weft::task<weft::result<void>> produce(weft::channel<int>& numbers, int from, int to) {
    for (int i = from; i <= to; ++i) co_await weft::ok(numbers.send(i));
    co_return {};
}

weft::task<long> consume(weft::channel<int>& numbers) {
    long sum = 0;
    while (auto n = co_await numbers.recv()) sum += long{*n} * *n; // until it is closed, and empty
    co_return sum;
}

weft::task<weft::result<long>> sum_of_squares() {
    weft::channel<int, 4> numbers; // outside of the body: its users may outlive the body's locals
    auto body = [&](weft::scope& s) -> weft::task<weft::result<long>> {
        auto one = s.spawn(consume(numbers));
        auto other = s.spawn(consume(numbers));
        auto producers = [&](weft::scope& p) -> weft::task<> {
            p.spawn(produce(numbers, 1, 50));
            p.spawn(produce(numbers, 51, 100));
            co_return;
        };
        auto produced = co_await weft::with_scope(producers);
        numbers.close(); // all of them are done: no more values
        co_await weft::ok(std::move(produced));
        long a = co_await weft::ok(one.join());
        long b = co_await weft::ok(other.join());
        co_return a + b;
    };
    co_return co_await weft::with_scope(body);
}

int main() {
    auto sum = weft::run(sum_of_squares());
    std::printf("the sum of the squares up to 100 is %ld\n", sum.value_or(-1));
}
