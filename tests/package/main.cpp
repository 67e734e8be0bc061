// A program as a user would write it, from installed headers and archives alone: the runtime, a scope, a channel, a
// timer and some I/O.
#include <array>
#include <chrono>
#include <cstdio>
#include <span>

#include <weft/core/channel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/io/pipe.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<weft::result<int>> produce(weft::channel<int>& numbers) {
    for (int i = 1; i <= 4; ++i) {
        co_await weft::ok(weft::sleep_for(1ms));
        co_await weft::ok(numbers.send(i));
    }
    numbers.close();
    co_return 4;
}

weft::task<weft::result<int>> program() {
    weft::channel<int, 2> numbers;
    int sum = 0;
    auto body = [&](weft::scope& s) -> weft::task<weft::result<void>> {
        s.spawn(produce(numbers));
        while (auto number = co_await numbers.recv()) sum += *number;
        co_return {};
    };
    co_await weft::ok(weft::with_scope(body));

    auto [reader, writer] = co_await weft::ok(weft::make_pipe());
    std::array<std::byte, 8> buffer{};
    co_await weft::ok(writer.write_all(std::as_bytes(std::span(&sum, 1))));
    auto got = co_await weft::timeout(1s, reader.read_some(buffer));
    if (!got) co_return weft::failure(got.error());
    co_return *got == sizeof sum ? sum : -1;
}

int main() {
    auto sum = weft::run(program());
    std::printf("the sum is %d\n", sum.value_or(-1));
    return sum == 10 ? 0 : 1;
}
