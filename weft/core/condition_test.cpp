#include <weft/core/condition.hpp>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

template <class M, class C> task<> produces_and_consumes(M& m, C& changed) {
    int stored = 0;
    int consumed = 0;
    auto consumer = [&]() -> task<result<void>> {
        for (int i = 0; i < 10; ++i) {
            auto held = co_await weft::ok(m.lock());
            co_await weft::ok(changed.wait(held, [&] { return stored > 0; }));
            WEFT_CHECK(stored > 0);
            WEFT_CHECK(m.is_locked());
            --stored;
            ++consumed;
        }
        co_return {};
    };
    auto producer = [&]() -> task<result<void>> {
        for (int i = 0; i < 20; ++i) {
            auto held = co_await weft::ok(m.lock());
            ++stored;
            if (i % 2)
                changed.notify_one();
            else
                changed.notify_all();
            held.unlock();
            if (i % 3 == 0) co_await weft::yield();
        }
        co_return {};
    };
    auto r = co_await weft::when_all(consumer(), consumer(), producer());
    WEFT_REQUIRE_IN_TASK(r.has_value());
    WEFT_CHECK_EQ(stored, 0);
    WEFT_CHECK_EQ(consumed, 20);
    WEFT_CHECK(!m.is_locked());
}

WEFT_TEST(condition, waits_until_the_predicate_holds) {
    weft::mutex m;
    weft::condition c;
    weft::local::mutex lm;
    weft::local::condition lc;
    weft::testing::run(produces_and_consumes(m, c));
    weft::testing::run(produces_and_consumes(lm, lc));
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(condition, a_cancelled_wait_has_the_mutex_again) {
    auto test = []() -> task<> {
        weft::mutex m;
        weft::condition changed;
        auto never = [] { return false; };
        auto inner = [&]() -> task<result<bool>> {
            auto held = co_await weft::ok(m.lock());
            auto r = co_await changed.wait(held, never);
            co_return !r && r.error() == errc::cancelled && held && m.is_locked();
        };
        auto free = co_await weft::timeout(1ms, inner());
        // The same while somebody else holds the mutex at the moment of the stop.
        bool was_held = false;
        auto holding = [&]() -> task<result<void>> {
            (void)co_await weft::sleep_for(1ms);
            auto held = co_await weft::ok(m.lock());
            (void)co_await weft::sleep_for(2ms);
            was_held = m.is_locked();
            co_return {};
        };
        auto both = co_await weft::when_all(weft::timeout(2ms, inner()), holding());
        WEFT_CHECK(free.value_or(false));
        WEFT_REQUIRE_IN_TASK(both);
        WEFT_CHECK(std::get<0>(*both));
        WEFT_REQUIRE_IN_TASK(was_held);
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

WEFT_TEST(condition, a_predicate_that_came_true_beats_the_stop) {
    auto test = []() -> task<> {
        weft::local::mutex m;
        weft::local::condition changed;
        bool waits = false;
        bool ready = false;
        bool came_true = false;
        auto waiting = [&]() -> task<result<void>> {
            auto held = co_await weft::ok(m.lock());
            waits = true;
            auto waited = co_await changed.wait(held, [&] { return ready; });
            came_true = waited.has_value();
            co_return {};
        };
        // The waiting one is stopped before it has run.
        auto body = [&](weft::scope& s) -> task<> {
            s.spawn(waiting());
            co_await weft::testing::until([&] { return waits; });
            ready = true;
            changed.notify_all();
            s.request_stop();
        };
        auto r = co_await weft::with_scope(body);
        WEFT_CHECK(r);
        WEFT_CHECK(came_true);
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

} // namespace
