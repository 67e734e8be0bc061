// Root tasks in exact storage, and the arenas of their children.
#include "check.hpp"

#include <weft/core/event.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::errc;
using weft::result;
using weft::task;
using weft::chip::root_options;
using weft::chip::spawn;

int runs = 0;
int destroyed = 0;
struct counted {
    counted() { ++runs; }
    ~counted() { ++destroyed; }
};

constinit weft::event go;

task<> single() {
    counted c;
    (void)co_await go.wait();
}

task<> pooled(int& sum, int value) {
    counted c;
    (void)co_await go.wait();
    sum += value;
}
constexpr root_options three{.instances = 3};

task<> lets_others_run() {
    for (int i = 0; i < 4; ++i) co_await weft::yield();
}

task<> instances() {
    check(spawn<single>().has_value(), "the first instance of a task starts");
    check(spawn<single>() == result<void>(weft::failure(errc::busy)), "a second instance is refused as busy");
    co_await weft::yield();
    go.set();
    co_await weft::yield();
    co_await weft::yield();
    check(runs == 1 && destroyed == 1, "the first runs to its end, and what it held is destroyed");
    go.reset();
    check(spawn<single>().has_value(), "after its end it can be started again");
    go.set();
    co_await weft::yield();
    co_await weft::yield();
    check(runs == 2 && destroyed == 2, "and runs again");
    go.reset();

    static int sum = 0;
    bool all = true;
    for (int i = 1; i <= 3; ++i) all &= spawn<pooled, three>(sum, i).has_value();
    check(all, "three instances of three start");
    check(!spawn<pooled, three>(sum, 4), "a fourth is refused");
    co_await weft::yield();
    go.set();
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    check(sum == 6, "each instance has its own arguments");
    all = true;
    for (int i = 0; i < 3; ++i) all &= spawn<pooled, three>(sum, 1).has_value();
    check(all, "and their places are free again");
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    check(sum == 9, "all six have run");
}

task<result<int>> nested(int depth) {
    if (depth == 0) co_return 0;
    int below = co_await weft::ok(nested(depth - 1));
    co_return below + 1;
}
task<result<int>> holds(weft::event& until, int value) {
    unsigned char buffer[48];
    buffer[value] = static_cast<unsigned char>(value);
    co_await weft::ok(until.wait());
    co_return buffer[value];
}

task<> arena() {
    // How deep calls can go in this arena, twice: all of it is given back.
    int deep[2];
    for (int& d : deep) {
        d = 0;
        while (true) {
            auto r = co_await nested(d + 1);
            if (!r) {
                check(r.error() == errc::out_of_memory, "an arena that is full says out_of_memory");
                break;
            }
            ++d;
        }
    }
    check(deep[0] > 3 && deep[0] == deep[1], "an arena gives its memory back");

    // Children that end out of turn leave holes, which are used again.
    weft::event ends[2];
    int held = 0;
    auto alternating = [&](weft::scope& s) -> task<> {
        auto first = s.spawn(holds(ends[0], 7));
        auto second = s.spawn(holds(ends[1], 8));
        co_await weft::yield();
        ends[0].set();
        auto seven = co_await first.join();
        held += seven.value_or(0);
        ends[0].reset();
        for (int i = 0; i < 50; ++i) { // each in the hole that the one before has left, below the second
            auto again = s.spawn(holds(ends[0], 1));
            co_await weft::yield();
            ends[0].set();
            auto one = co_await again.join();
            held += one.value_or(0);
            ends[0].reset();
        }
        ends[1].set();
        auto eight = co_await second.join();
        held += eight.value_or(0);
    };
    auto r = co_await weft::with_scope(alternating);
    check(r.has_value() && held == 7 + 50 + 8, "holes in an arena are used again");

    // One branch more than was asked for.
    auto both = co_await weft::when_all(holds(ends[1], 1), holds(ends[1], 2));
    check(both.has_value(), "two operands have the branches that were asked for");
    auto many = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 3; ++i) s.spawn(lets_others_run());
        co_return;
    };
    auto over = co_await weft::with_scope(many);
    check(!over && over.error() == errc::out_of_memory,
          "more branches than were asked for are out_of_memory");
    go.set();
}

task<> all_of_it() {
    co_await instances();
    go.reset();
    check(spawn<arena, root_options{.arena = 2400, .branches = 3}>().has_value(),
          "a task with an arena starts");
    (void)co_await go.wait();
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<all_of_it, root_options{.arena = 600}>(); }
