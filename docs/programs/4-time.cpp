// Sleeping, ticking, and what a timeout does to a read that has already got something.
//
// Prints:
//     tick 1
//     tick 2
//     tick 3
//     nothing came: timed out
//     then came 5 bytes
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/io/unix.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<weft::result<void>> three_ticks() {
    weft::interval each(2ms, weft::missed_ticks::skip);
    for (int i = 1; i <= 3; ++i) {
        co_await weft::ok(each.tick());
        std::printf("tick %d\n", i);
    }
    co_return {};
}

weft::task<weft::result<void>> write_late(weft::unix_stream& to) {
    co_await weft::ok(weft::sleep_for(20ms));
    co_await weft::ok(to.write_all(std::as_bytes(std::span("hello", 5))));
    co_return {};
}

weft::task<weft::result<void>> read_twice(weft::unix_stream& from) {
    std::array<std::byte, 64> buffer; // lent until the read has ended, whatever happens
    auto early = co_await weft::timeout(1ms, from.read_some(buffer));
    std::printf("nothing came: %s\n", early ? "?" : early.error().message());
    std::size_t n = co_await weft::ok(from.read_some(buffer));
    std::printf("then came %zu bytes\n", n);
    co_return {};
}

weft::task<weft::result<void>> program() {
    co_await weft::ok(three_ticks());
    auto [here, there] = co_await weft::ok(weft::unix_stream::pair());
    auto body = [&](weft::scope& s) -> weft::task<> {
        s.spawn(write_late(there));
        s.spawn(read_twice(here));
        co_return;
    };
    co_return co_await weft::with_scope(body);
}

int main() { return weft::run(program()) ? 0 : 1; }
