// GCC 12 destroys some temporaries twice, misplaces others, and refuses some code. Each test shows that what users
// write with weft does not meet one of these hazards. They hold on every compiler.
#include <weft/core/channel.hpp>
#include <weft/core/condition.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
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

// Counts its lives; below zero, something was destroyed twice.
struct counted {
    static inline int alive = 0;
    static inline int least = 0;
    explicit counted(int v) noexcept : value(v) { ++alive; }
    counted(const counted& other) noexcept : value(other.value) { ++alive; }
    counted(counted&& other) noexcept : value(other.value) { ++alive; }
    counted& operator=(const counted&) noexcept = default;
    ~counted() {
        if (--alive < least) least = alive;
    }
    int value;
};

// Runs the test; every counted object must have been destroyed once.
template <class F> void destroyed_once(F body) {
    counted::alive = counted::least = 0;
    weft::testing::run(body());
    WEFT_CHECK_EQ(counted::alive, 0);
    WEFT_CHECK_EQ(counted::least, 0);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

task<result<counted>> gives(int v) {
    co_await weft::yield();
    co_return counted(v);
}
task<result<int>> takes(counted by_value, const counted& by_reference) {
    co_await weft::yield();
    co_return by_value.value + by_reference.value;
}

// Arguments with a constructor, by value and by reference, that live across the wait.
WEFT_TEST(gcc_hazards, arguments_of_awaited_tasks_are_destroyed_once) {
    destroyed_once([]() -> task<> {
        auto r = co_await takes(counted(1), counted(2));
        auto more = []() -> task<result<int>> { co_return co_await weft::ok(takes(counted(3), counted(4))); };
        auto s = co_await more();
        WEFT_CHECK_EQ(r.value_or(0), 3);
        WEFT_CHECK_EQ(s.value_or(0), 7);
    });
}

// Temporaries without a constructor call are the hazard, so every awaiter has a constructor, and comes from a
// factory function.
template <class X> inline constexpr bool has_constructor = !std::is_aggregate_v<X>;

WEFT_TEST(gcc_hazards, awaiters_are_no_aggregates) {
    using sleep = decltype(weft::sleep_for(1s));
    using child = task<result<int>>;
    static_assert(has_constructor<sleep> && has_constructor<child>);
    static_assert(has_constructor<decltype(weft::ok(child()))>);
    static_assert(has_constructor<decltype(weft::ok(result<int>(1)))>);
    static_assert(has_constructor<decltype(weft::when_all(child(), child()))>);
    static_assert(has_constructor<decltype(weft::when_any(child(), child()))>);
    static_assert(has_constructor<decltype(weft::timeout(1s, child()))>);
    static_assert(has_constructor<decltype(weft::until(weft::stop_token(), child()))>);
    static_assert(has_constructor<decltype(weft::shielded(child()))>);
    static_assert(has_constructor<decltype(weft::yield())>);
    static_assert(has_constructor<weft::channel<counted, 1>::send_operation>);
    static_assert(has_constructor<weft::channel<counted, 1>::recv_operation>);
    static_assert(has_constructor<weft::mutex::lock_operation> && has_constructor<weft::mutex::guard>);
    static_assert(has_constructor<weft::semaphore::acquire_operation>);
    static_assert(has_constructor<weft::join_handle<int>> && has_constructor<weft::stop_token>);
    WEFT_CHECK(true);
}

WEFT_TEST(gcc_hazards, values_that_awaiters_hold_are_destroyed_once) {
    destroyed_once([]() -> task<> {
        weft::channel<counted, 1> c;
        (void)co_await c.send(counted(1)); // in a slot
        auto one = co_await c.recv();
        auto both = co_await weft::when_all(c.recv(), c.send(counted(2))); // from frame to frame
        (void)co_await c.send(counted(3));
        auto late = co_await weft::timeout(1ms, c.send(counted(4))); // not sent
        auto any = co_await weft::when_any(gives(5), weft::sleep_for(1h));
        auto all = co_await weft::when_all(gives(6), gives(7));
        auto shielded = co_await weft::shielded(gives(8));
        WEFT_REQUIRE_IN_TASK(one);
        WEFT_CHECK_EQ(one->value, 1);
        WEFT_REQUIRE_IN_TASK(both);
        WEFT_CHECK_EQ(std::get<0>(*both).value, 2);
        WEFT_REQUIRE_IN_TASK(!late);
        WEFT_CHECK(any.get<0>());
        WEFT_CHECK_EQ(any.get<0>()->value, 5);
        WEFT_REQUIRE_IN_TASK(all);
        WEFT_CHECK_EQ(std::get<1>(*all).value, 7);
        WEFT_REQUIRE_IN_TASK(shielded);
    });
}

// A lambda that captures by value, called at once in the full expression, is the hazard of all; weft takes bodies and
// predicates by reference, and refuses closures that have something to destroy: see tests/compile_fail.
WEFT_TEST(gcc_hazards, bodies_with_captures_are_named_and_destroyed_once) {
    destroyed_once([]() -> task<> {
        counted mine(3);
        auto body = [mine](weft::scope& s) -> task<int> {
            s.spawn(gives(1));
            co_await weft::yield();
            co_return mine.value;
        };
        auto r = co_await weft::with_scope(body);
        weft::mutex m;
        weft::condition changed;
        auto held = co_await m.lock();
        auto ready = [mine] { return mine.value == 3; };
        auto waited = co_await changed.wait(*held, ready);
        WEFT_CHECK_EQ(r.value_or(0), 3);
        WEFT_REQUIRE_IN_TASK(waited);
    });
}

// `c ? f(a) : f(b)` with temporaries is a hazard of the language; with tasks and operations, which have constructors,
// both arms are well.
WEFT_TEST(gcc_hazards, if_and_else_in_place_of_a_conditional) {
    destroyed_once([]() -> task<> {
        int sum = 0;
        for (bool first : {true, false}) {
            result<counted> r = weft::failure(errc::other);
            if (first)
                r = co_await gives(1);
            else
                r = co_await gives(2);
            WEFT_REQUIRE_IN_TASK(r);
            sum += r->value;
        }
        WEFT_CHECK_EQ(sum, 3);
    });
}

// Reported for coroutines without variables of their own.
WEFT_TEST(gcc_hazards, coroutines_without_stack_variables) {
    auto empty = []() -> task<> { co_return; };
    auto passes = [&]() -> task<> { co_await empty(); };
    auto yields = []() -> task<result<void>> {
        co_await weft::yield();
        co_return {};
    };
    destroyed_once([&]() -> task<> {
        co_await passes();
        WEFT_CHECK((co_await yields()).has_value());
    });
}

// The condition of `ok` is not taken: what stands behind it is not evaluated, and not destroyed.
WEFT_TEST(gcc_hazards, an_early_return_destroys_what_was_made_and_nothing_else) {
    destroyed_once([]() -> task<> {
        auto fails = []() -> task<result<counted>> {
            counted before(1);
            (void)co_await weft::ok(result<int>(weft::failure(errc::busy)));
            counted after(2);
            co_return after;
        };
        auto through = [&]() -> task<result<int>> {
            counted before(3);
            counted got = co_await weft::ok(fails());
            co_return got.value;
        };
        auto r = co_await through();
        WEFT_REQUIRE_IN_TASK(!r);
        WEFT_CHECK_EQ(r.error(), errc::busy);
    });
}

#if defined(__cpp_exceptions)
WEFT_TEST(gcc_hazards, an_exception_destroys_once) {
    destroyed_once([]() -> task<> {
        auto throws = [](counted argument) -> task<result<int>> {
            counted local(argument.value);
            co_await weft::yield();
            throw local.value;
        };
        auto both = [&]() -> task<result<int>> {
            auto r = co_await weft::when_all(throws(counted(6)), gives(1));
            co_return r ? 0 : 1;
        };
        try {
            (void)co_await both();
        } catch (int v) {
            WEFT_CHECK_EQ(v, 6);
            co_return;
        }
        WEFT_FAIL("nothing was thrown");
    });
}
#endif

// A site's class-type default argument would cost 8 bytes an await, and a default on await_transform would hold
// every awaiter twice: a frame with ten awaits of a big operation holds it ten times at most (GCC gives each its
// own slot), not twenty.
WEFT_TEST(gcc_hazards, awaiters_are_held_once) {
    struct probe {
        static task<result<void>> none() { co_return {}; }
    };
    using operation = weft::channel<counted, 1>::recv_operation;
    static_assert(!std::is_move_constructible_v<operation>,
                  "an awaiter that cannot move cannot be held twice");
    WEFT_CHECK(weft::testing::run(probe::none()).has_value());
}

// Frames are aligned to two words; GCC 12 would misplace what wants more, so it is refused.
WEFT_TEST(gcc_hazards, two_words_of_alignment_are_kept) {
    struct alignas(2 * sizeof(void*)) wide {
        unsigned char bytes[2 * sizeof(void*)];
    };
    auto gives_wide = []() -> task<wide> {
        wide w{};
        co_await weft::yield();
        w.bytes[0] = reinterpret_cast<std::uintptr_t>(&w) % alignof(wide) == 0;
        co_return w;
    };
    auto test = [&]() -> task<> {
        wide w = co_await gives_wide();
        WEFT_CHECK_EQ(w.bytes[0], 1);
    };
    weft::testing::run(test());
}

} // namespace
