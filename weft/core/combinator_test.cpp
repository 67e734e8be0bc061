// What when_all, when_any and the combinators of one operand yield; ranges; exceptions; no memory.
#include <array>
#if !defined(WEFT_TEST_ON_CHIP)
#include <string>
#include <vector>
#endif

#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

task<result<int>> after(weft::clock::duration d, int value) {
    auto slept = co_await weft::sleep_for(d);
    if (!slept) co_return weft::failure(slept.error());
    co_return value;
}
task<result<int>> fail_after(weft::clock::duration d, errc e) {
    auto slept = co_await weft::sleep_for(d);
    co_return weft::failure(slept ? e : slept.error().code());
}
task<int> plain(int value) {
    co_await weft::yield();
    co_return value;
}
task<> nothing() { co_await weft::yield(); }

WEFT_TEST(combinators, operands_without_a_result_yield_one) {
    auto test = []() -> task<> {
        result<std::tuple<int, weft::unit>> all = co_await weft::when_all(plain(1), nothing());
        weft::any_outcome<result<int>, result<void>> any = co_await weft::when_any(plain(2), nothing());
        result<int> shielded = co_await weft::shielded(plain(3));
        result<void> until = co_await weft::until(weft::stop_token(), nothing());
        result<int> on = co_await weft::on(*weft::port::current(), plain(4));
        WEFT_CHECK_EQ(std::get<0>(*all), 1);
        WEFT_CHECK_EQ(*any.get<0>(), 2);
        WEFT_CHECK(any.get<1>());
        WEFT_CHECK_EQ(*shielded, 3);
        WEFT_REQUIRE_IN_TASK(until);
        WEFT_CHECK_EQ(*on, 4);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

bool no_memory(const auto& r) { return !r && r.error() == errc::out_of_memory; }

// Awaits the operation while its allocation number n fails.
template <class X>
auto short_of_memory(X& operation, std::size_t n) -> task<decltype(operation.await_resume())> {
    weft::port::current()->branches.give_back_spare();
    weft::testing::fail_allocation(n);
    auto outcome = co_await operation;
    weft::testing::fail_allocation(0);
    co_return std::move(outcome);
}

// None ends, and leaves its memory to another, before all have begun.
task<int> endless(int value) {
    (void)co_await weft::sleep_for(1h);
    co_return value;
}
task<> endless() { (void)co_await weft::sleep_for(1h); }

// The operands could not say so: the combinator does.
WEFT_TEST(combinators, without_memory_for_a_branch) {
    auto test = []() -> task<int> {
        int said = 0;
        for (std::size_t n = 1; n <= 2; ++n) { // the first operand that begins, and the second
            auto all = weft::when_all(endless(1), endless());
            auto no_tuple = co_await short_of_memory(all, n);
            auto any = weft::when_any(endless(1), endless());
            auto outcomes = co_await short_of_memory(any, n);
            bool first = no_memory(outcomes.get<0>());
            bool second = no_memory(outcomes.get<1>());
            said += no_memory(no_tuple) + (first != second) + (outcomes.first == (first ? 0u : 1u));
        }
        auto shielded = weft::shielded(plain(1));
        auto a = co_await short_of_memory(shielded, 1);
        auto until = weft::until(weft::stop_token(), nothing());
        auto b = co_await short_of_memory(until, 1);
        auto on = weft::on(*weft::port::current(), plain(2));
        auto c = co_await short_of_memory(on, 1);
        auto timeout = weft::timeout(1h, after(1h, 1));
        auto d = co_await short_of_memory(timeout, 1);
        co_return said + no_memory(a) + no_memory(b) + no_memory(c) + no_memory(d);
    };
    WEFT_CHECK_EQ(weft::testing::run(test()), 6 + 4);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// An empty task is a mistake of its user's; one without memory is not. Each says which it is, wherever it is given.
WEFT_TEST(combinators, a_task_without_a_frame) {
    auto empty = []() -> task<result<int>> { return {}; };
    auto short_of_memory = []() -> task<result<int>> {
        weft::testing::fail_allocation(1);
        task<result<int>> t = after(1ms, 1);
        weft::testing::fail_allocation(0);
        return t;
    };
    auto each = [](auto make, errc why) -> task<> {
        auto is = [why](const auto& r) { return !r && r.error() == why; };
        WEFT_CHECK(is(co_await make()));
        auto through_ok = [&]() -> task<result<int>> { co_return co_await weft::ok(make()); };
        WEFT_CHECK(is(co_await through_ok()));
        WEFT_CHECK(is(co_await weft::shielded(make())));
        WEFT_CHECK(is(co_await weft::until(weft::stop_token(), make())));
        WEFT_CHECK(is(co_await weft::timeout(1h, make())));
        WEFT_CHECK(is(co_await weft::on(*weft::port::current(), make())));
        WEFT_CHECK(is(co_await weft::when_all(plain(1), make())));
        task<result<int>> range[] = {after(1ms, 1), make()};
        WEFT_CHECK(is(co_await weft::when_all(std::span(range))));
        auto any = co_await weft::when_any(after(1h, 1), make());
        WEFT_CHECK_EQ(any.first, 1u);
        WEFT_CHECK(is(any.template get<1>()));
        for (bool forked : {false, true}) {
            auto body = [&](weft::scope& s) -> task<> {
                auto handle = forked ? s.fork(make()) : s.spawn(make());
                WEFT_CHECK(is(co_await handle.join()));
            };
            WEFT_CHECK(is(co_await weft::with_scope(body)));
        }
        auto no_body = [&](weft::scope&) { return make(); };
        WEFT_CHECK(is(co_await weft::with_scope(no_body)));
    };
    weft::testing::run(each(empty, errc::invalid_argument));
    weft::testing::run(each(short_of_memory, errc::out_of_memory));
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(combinators, an_awaited_task_is_empty) {
    auto test = []() -> task<> {
        task<result<int>> t = after(1ms, 1);
        WEFT_CHECK(t);
        WEFT_CHECK_EQ((co_await t).value_or(0), 1);
        WEFT_CHECK(!t);
        auto again = co_await t;
        WEFT_CHECK(!again && again.error() == errc::invalid_argument);
        task<int> given_away = plain(3);
        task<int> taken = std::move(given_away);
        auto moved = co_await weft::shielded(std::move(given_away));
        WEFT_CHECK(!moved && moved.error() == errc::invalid_argument);
        WEFT_CHECK_EQ(co_await taken, 3);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// n tasks, f(0) to f(n - 1).
template <std::size_t n, class F> auto many(F f) {
    std::array<decltype(f(0)), n> tasks;
    for (std::size_t i = 0; i < n; ++i) tasks[i] = f(static_cast<int>(i));
    return tasks;
}

WEFT_TEST(when_all_of_a_range, yields_the_values_in_order) {
    auto test = []() -> task<> {
        auto all = co_await weft::when_all(many<100>([](int i) { return after(1us * (100 - i), i); }));
        WEFT_REQUIRE_IN_TASK(all);
        WEFT_REQUIRE_IN_TASK(all->size() == 100);
        for (int i = 0; i < 100; ++i) {
            WEFT_CHECK_EQ((*all)[static_cast<std::size_t>(i)], i);
        }
        auto without_values = many<3>([](int) { return nothing(); });
        result<void> ended = co_await weft::when_all(std::span(without_values));
        task<int> one[] = {plain(7)};
        auto seven = co_await weft::when_all(std::move(one));
        auto empty = co_await weft::when_all(std::span<task<int>>());
        WEFT_REQUIRE_IN_TASK(ended);
        WEFT_CHECK(!without_values[0]);
        WEFT_CHECK_EQ((*seven)[0], 7);
        WEFT_REQUIRE_IN_TASK(empty);
        WEFT_CHECK(empty->empty());
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(when_all_of_a_range, the_first_failure_stops_the_others) {
    auto test = []() -> task<> {
        auto all = co_await weft::when_all(many<20>([](int i) {
            return i == 7 ? fail_after(30us, errc::busy) : after(i < 7 ? 10us : weft::clock::duration(1h), i);
        }));
        WEFT_REQUIRE_IN_TASK(!all);
        WEFT_CHECK_EQ(all.error(), errc::busy);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(when_all_of_a_range, passes_a_stop_on_to_all) {
    auto test = []() -> task<> {
        auto all = co_await weft::timeout(1ms, weft::when_all(many<100>([](int i) { return after(1h, i); })));
        WEFT_REQUIRE_IN_TASK(!all);
        WEFT_CHECK_EQ(all.error(), errc::timed_out);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(when_any_of_a_range, the_first_stops_the_others) {
    auto test = []() -> task<> {
        auto any = co_await weft::when_any(
            many<10>([](int i) { return after(i == 6 ? 1ms : weft::clock::duration(1h), i); }));
        WEFT_REQUIRE_IN_TASK(any);
        WEFT_REQUIRE_IN_TASK(any->first == 6);
        WEFT_REQUIRE_IN_TASK(any->outcomes.size() == 10);
        for (std::size_t i = 0; i < 10; ++i) {
            const result<int>& r = any->outcomes[i];
            WEFT_REQUIRE_IN_TASK(i != 6 ? *r != 6 : r.error() != errc::cancelled);
        }
        auto empty = co_await weft::when_any(std::span<task<int>>());
        WEFT_REQUIRE_IN_TASK(!empty);
        WEFT_CHECK_EQ(empty.error(), errc::invalid_argument);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

#if !defined(WEFT_TEST_ON_CHIP)

// What a range yields need be neither copyable nor trivial.
task<std::unique_ptr<std::string>> box(std::string text) {
    co_await weft::yield();
    co_return std::make_unique<std::string>(std::move(text));
}
WEFT_TEST(when_all_of_a_range, of_a_vector_moves_the_values) {
    auto test = []() -> task<std::string> {
        std::vector<task<std::unique_ptr<std::string>>> tasks;
        for (const char* text : {"a long text that lives on the heap", " and ", "another one"})
            tasks.push_back(box(text));
        auto all = co_await weft::when_all(std::move(tasks));
        std::string whole;
        for (auto& text : *all) whole += *text;
        co_return whole;
    };
    WEFT_CHECK(weft::testing::run(test()) == "a long text that lives on the heap and another one");
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

#endif

#if defined(__cpp_exceptions)

task<int> throwing() {
    co_await weft::yield();
    throw 5;
}
auto some_throw() {
    return many<5>([](int i) { return i == 3 ? throwing() : plain(i); });
}
template <class F> int thrown_by(F test) {
    try {
        weft::testing::run(test());
    } catch (int thrown) {
        return thrown;
    }
    return 0;
}

WEFT_TEST(combinators, exceptions_come_out) {
    WEFT_CHECK_EQ(thrown_by([]() -> task<> { (void)co_await weft::when_all(throwing(), plain(1)); }), 5);
    WEFT_CHECK_EQ(thrown_by([]() -> task<> { (void)co_await weft::when_any(nothing(), throwing()); }), 5);
    WEFT_CHECK_EQ(thrown_by([]() -> task<> { (void)co_await weft::shielded(throwing()); }), 5);
    WEFT_CHECK_EQ(thrown_by([]() -> task<> { (void)co_await weft::when_all(some_throw()); }), 5);
    WEFT_CHECK_EQ(thrown_by([]() -> task<> { (void)co_await weft::when_any(some_throw()); }), 5);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

// An operand that is a combinator itself passes the exception on, and its failure stops the others.
WEFT_TEST(combinators, exceptions_come_out_of_nested_ones) {
    WEFT_CHECK_EQ(thrown_by([]() -> task<> {
                      (void)co_await weft::when_all(weft::when_all(throwing(), plain(1)), weft::sleep_for(1h),
                                                    weft::shielded(nothing()));
                  }),
                  5);
    WEFT_CHECK_EQ(thrown_by([]() -> task<> {
                      (void)co_await weft::timeout(1h, weft::shielded(weft::when_any(throwing(), plain(1))));
                  }),
                  5);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

#endif

} // namespace
