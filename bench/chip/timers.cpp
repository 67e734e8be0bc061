// What a timer costs among 33 of every deadline, from the wake of the chip until it sleeps again; and how often it wakes
// in ten idle seconds.
#include "marks.hpp"

#include <weft/core/sleep.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using weft::task;
using weft::chip::root_options;
using weft::chip::spawn;

constexpr unsigned sleepers = 32;
constexpr int rounds = 50;
unsigned asleep = 0;

// A linear congruence with the constants of "Numerical Recipes": different deadlines, in any order.
unsigned next_random(unsigned seed) { return seed * 1664525u + 1013904223u; }

task<> sleeper(unsigned seed) {
    weft::clock::time_point at = weft::clock::now();
    for (int i = 0; i < rounds; ++i) {
        seed = next_random(seed);
        at += std::chrono::nanoseconds(1'000'000 + (seed >> 5));
        (void)co_await weft::sleep_until(at);
        MARK(task_runs);
    }
    ++asleep;
}
constexpr root_options many{.instances = sleepers + 1};

task<> watch() {
    while (asleep != sleepers + 1) (void)co_await weft::sleep_for(1s);
    MARK(sleeping);
    (void)co_await weft::sleep_for(10s);
    MARK(woken);
    weft::machine::halt(0);
}

} // namespace

void weft::chip::start() {
    for (unsigned i = 0; i <= sleepers; ++i) (void)spawn<sleeper, many>(i * 7919 + 1);
    (void)spawn<watch>();
}
