// Work that is divided as it goes, on weft: a scope's forks.
#include <array>
#include <numeric>

#include "weft_bench.hpp"

namespace benchmark {
namespace {

// A child for each place that turns out to be free; what they find stands outside of the scope's body.
weft::task<> place(measure::queens board, std::uint64_t& ways) {
    if (board.placed()) {
        ways = 1;
        co_return;
    }
    std::array<std::uint64_t, measure::queens::most> found{};
    auto body = [&](weft::scope& s) -> weft::task<> {
        board.each_way([&](std::size_t i, measure::queens next) { s.fork(place(next, found[i])); });
        co_return;
    };
    (void)co_await weft::with_scope(body);
    ways = std::accumulate(found.begin(), found.end(), std::uint64_t{0});
}

weft::task<> place_all(std::size_t n) {
    measure::queens board(n);
    std::uint64_t ways = 0;
    measure::begin();
    co_await place(board, ways);
    measure::end("queens", measure::calls_of_queens(n));
    measure::expect(ways, measure::ways_of_queens(n), "queens");
}

} // namespace

void run_queens(const measure::arguments& a) { run_on(a[1], place_all(a[0])); }

} // namespace benchmark
