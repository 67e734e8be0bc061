// oneTBB: fork and join, and spawns into a group. Its tasks are closures, not coroutines: they cannot wait.
#include <array>
#include <numeric>
#include <vector>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "../../measure.hpp"
#include "../../workload.hpp"

namespace {

std::size_t fib(std::size_t n) {
    if (n < 2) return n;
    std::size_t a, b;
    tbb::task_group both;
    both.run([&] { a = fib(n - 1); });
    b = fib(n - 2);
    both.wait();
    return a + b;
}

std::size_t skynet(std::size_t first, std::size_t leaves) {
    if (leaves == 1) return first;
    std::array<std::size_t, 10> parts;
    tbb::task_group all;
    for (std::size_t i = 0; i < 9; ++i)
        all.run([=, &parts] { parts[i] = skynet(first + i * leaves / 10, leaves / 10); });
    parts[9] = skynet(first + 9 * leaves / 10, leaves / 10);
    all.wait();
    std::size_t sum = 0;
    for (std::size_t part : parts) sum += part;
    return sum;
}

std::size_t place(measure::queens board) {
    if (board.placed()) return 1;
    std::array<std::size_t, measure::queens::most> found{};
    tbb::task_group all;
    board.each_way(
        [&](std::size_t i, measure::queens next) { all.run([=, &found] { found[i] = place(next); }); });
    all.wait();
    return std::accumulate(found.begin(), found.end(), std::size_t{0});
}

template <class F> void on_threads(std::size_t threads, F f) {
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads ? threads : 1);
    tbb::task_arena arena(static_cast<int>(threads ? threads : 1));
    arena.execute(f);
}

void run_fib(const measure::arguments& a) {
    on_threads(a[1], [&] {
        measure::begin();
        std::size_t result = fib(a[0]);
        measure::end("fib", measure::calls_of_fib(a[0]));
        measure::expect(result, measure::fib_of(a[0]), "fib");
    });
}
void run_skynet(const measure::arguments& a) {
    on_threads(a[1], [&] {
        measure::begin();
        std::size_t result = skynet(0, a[0]);
        measure::end("skynet", measure::calls_of_skynet(a[0]));
        measure::expect(result, measure::sum_below(a[0]), "skynet");
    });
}
void run_queens(const measure::arguments& a) {
    on_threads(a[1], [&] {
        measure::queens board(a[0]);
        measure::begin();
        std::size_t result = place(board);
        measure::end("queens", measure::calls_of_queens(a[0]));
        measure::expect(result, measure::ways_of_queens(a[0]), "queens");
    });
}
void run_spawn(const measure::arguments& a) {
    std::size_t n = a[0], alive = a[1];
    std::vector<std::uint8_t> ran(alive);
    on_threads(a[2], [&] {
        measure::begin();
        for (std::size_t i = 0; i < n; i += alive) {
            tbb::task_group all;
            for (std::uint8_t& r : ran) all.run([&r] { r = 1; });
            all.wait();
        }
        measure::end("spawn", n);
    });
    std::size_t sum = 0;
    for (std::uint8_t r : ran) sum += r;
    measure::expect(sum, alive, "tasks that ran");
}

} // namespace

int main(int argc, char** argv) {
    constexpr measure::workload all[] = {
        {"spawn N ALIVE [THREADS]", run_spawn},
        {"fib N [THREADS]", run_fib},
        {"skynet LEAVES [THREADS]", run_skynet},
        {"queens N [THREADS]", run_queens},
    };
    return measure::run_workload(argc, argv, all);
}
