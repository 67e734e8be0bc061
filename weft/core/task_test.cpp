#include <weft/core/ok.hpp>
#include <weft/core/task.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/yield.hpp>

namespace {

using weft::errc;
using weft::result;
using weft::task;

task<int> seven() { co_return 7; }
task<int> sum(int depth) {
    if (depth == 0) co_return 0;
    int below = co_await sum(depth - 1);
    co_return below + 1;
}

WEFT_TEST(task, yields_its_value) { WEFT_CHECK_EQ(weft::testing::run(seven()), 7); }

WEFT_TEST(task, is_lazy_and_destroys_its_arguments_when_dropped) {
    int runs = 0;
    auto body = [](int& r) -> task<> {
        ++r;
        co_return;
    };
    { task<> t = body(runs); }
    WEFT_CHECK_EQ(runs, 0);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(task, awaits_children_to_any_depth) { WEFT_CHECK_EQ(weft::testing::run(sum(1000)), 1000); }

// What stood in its frame is gone when the parent goes on, and a second await finds nothing that it could resume.
WEFT_TEST(task, a_named_task_is_empty_once_it_is_awaited) {
    auto body = []() -> task<> {
        task<int> value = seven();
        task<> none = [](int) -> task<> { co_return; }(1);
        int v = co_await value;
        co_await none;
        WEFT_CHECK_EQ(v, 7);
        WEFT_REQUIRE_IN_TASK(!value);
        WEFT_REQUIRE_IN_TASK(!none);
    };
    weft::testing::run(body());
}

// Symmetric transfer is a nested call below -O2 and under sanitizers: the executor's credit bounds the stack.
WEFT_TEST(task, two_million_ready_children_do_not_grow_the_stack) {
    auto body = []() -> task<long> {
        long n = 0;
        for (int i = 0; i < 2'000'000; ++i) n += co_await seven();
        co_return n;
    };
    WEFT_CHECK_EQ(weft::testing::run(body()), 14'000'000);
}

task<result<int>> fail_at(int depth, int& destroyed) {
    struct counter {
        int& n;
        explicit counter(int& c) : n(c) {}
        ~counter() { ++n; }
    } local(destroyed);
    if (depth == 0) co_return weft::failure(errc::not_found);
    int v = co_await weft::ok(fail_at(depth - 1, destroyed));
    co_return v + 1;
}

WEFT_TEST(task, an_error_passes_many_levels_without_recursion) {
    int destroyed = 0;
    result<int> r = weft::testing::run(fail_at(200'000, destroyed));
    WEFT_CHECK(!r.has_value());
    WEFT_CHECK(r.error() == errc::not_found);
    WEFT_CHECK_EQ(destroyed, 200'001);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(task, ok_unwraps_values_of_tasks_operations_and_results) {
    auto value = []() -> task<result<int>> { co_return 3; };
    auto body = [&]() -> task<result<int>> {
        int a = co_await weft::ok(value());
        task<result<int>> named = value();
        int b = co_await weft::ok(named);
        int c = co_await weft::ok(result<int>(4));
        co_return a + b + c;
    };
    result<int> r = weft::testing::run(body());
    WEFT_REQUIRE(r.has_value());
    WEFT_CHECK_EQ(*r, 10);
}

WEFT_TEST(task, locals_go_before_the_parents_code_goes_on) {
    static int alive;
    alive = 0;
    struct local {
        local() { ++alive; }
        ~local() { --alive; }
    };
    auto child = []() -> task<result<int>> {
        local l;
        co_await weft::ok(result<int>(weft::failure(errc::busy)));
        co_return 1;
    };
    auto body = [&]() -> task<int> {
        result<int> r = co_await child();
        co_return r ? -1 : alive;
    };
    WEFT_CHECK_EQ(weft::testing::run(body()), 0);
}

WEFT_TEST(task, yields_take_turns) {
    auto body = []() -> task<int> {
        for (int i = 0; i < 1000; ++i) co_await weft::yield();
        co_return 1;
    };
    WEFT_CHECK_EQ(weft::testing::run(body()), 1);
}

WEFT_TEST(task, without_memory_a_result_says_so) {
    auto body = []() -> task<result<int>> {
        auto value = []() -> task<result<int>> { co_return 3; };
        weft::testing::fail_allocation(1);
        result<int> r = co_await value();
        weft::testing::fail_allocation(0);
        co_return r;
    };
    result<int> r = weft::testing::run(body());
    WEFT_CHECK(!r.has_value());
    WEFT_CHECK(r.error() == errc::out_of_memory);
}

#if defined(__cpp_exceptions)
WEFT_TEST(task, exceptions_travel_to_the_parent) {
    auto child = []() -> task<int> {
        co_await weft::yield();
        throw 42;
    };
    auto through_ok = [&]() -> task<result<int>> { co_return co_await child(); };
    auto body = [&]() -> task<int> {
        try {
            task<result<int>> t = through_ok();
            (void)co_await t;
        } catch (int e) {
            co_return e;
        }
        co_return 0;
    };
    WEFT_CHECK_EQ(weft::testing::run(body()), 42);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}
#endif

} // namespace
