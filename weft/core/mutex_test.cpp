#include <weft/core/mutex.hpp>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
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

// A mutex can be a global without a constructor that runs.
constinit weft::mutex global;

template <class M> task<> excludes_and_is_fair(M& m) {
    int came = 0;
    int inside = 0;
    int order[8] = {};
    int served = 0;
    auto user = [&](int i) -> task<result<void>> {
        ++came;
        auto held = co_await weft::ok(m.lock());
        WEFT_CHECK_EQ(++inside, 1);
        WEFT_CHECK(m.is_locked());
        WEFT_CHECK(m.holder() != nullptr);
        order[served++] = i;
        co_await weft::yield();
        co_await weft::yield();
        --inside;
        co_return {};
    };
    auto body = [&](weft::scope& s) -> task<result<void>> {
        auto held = co_await weft::ok(m.lock());
        for (int i = 0; i < 8; ++i) {
            s.spawn(user(i));
            co_await weft::testing::until([&] { return came == i + 1; });
        }
        co_return {};
    };
    auto done = co_await weft::with_scope(body);
    for (int i = 0; i < 8; ++i) {
        WEFT_CHECK_EQ(order[i], i);
    }
    WEFT_REQUIRE_IN_TASK(done.has_value());
    WEFT_CHECK_EQ(served, 8);
    WEFT_CHECK(!m.is_locked());
    WEFT_CHECK_EQ(m.holder(), nullptr);
}

WEFT_TEST(mutex, excludes_and_is_fair) {
    weft::mutex m;
    weft::local::mutex l;
    weft::testing::run(excludes_and_is_fair(m));
    weft::testing::run(excludes_and_is_fair(l));
    weft::testing::run(excludes_and_is_fair(global));
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(mutex, nobody_overtakes_a_waiter) {
    auto test = []() -> task<> {
        weft::mutex m;
        bool waits = false;
        bool second_first = false;
        auto held = co_await m.lock();
        auto holder = [&]() -> task<> {
            co_await weft::testing::until([&] { return waits; });
            held->unlock();
            // Handed over already: whoever asks now comes after the one that waited.
            second_first = m.is_locked() && m.try_lock().error() == errc::would_block;
        };
        auto second = [&]() -> task<result<void>> {
            waits = true;
            auto taken = co_await weft::ok(m.lock());
            co_return {};
        };
        auto r = co_await weft::when_all(holder(), second());
        WEFT_REQUIRE_IN_TASK(r.has_value());
        WEFT_REQUIRE_IN_TASK(second_first);
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

WEFT_TEST(mutex, a_cancelled_wait_leaves_the_queue) {
    auto test = []() -> task<> {
        weft::local::mutex m;
        auto held = co_await m.lock();
        auto late = co_await weft::timeout(1ms, m.lock());
        WEFT_REQUIRE_IN_TASK(!late);
        WEFT_CHECK_EQ(late.error(), errc::timed_out);
        WEFT_CHECK(m.is_locked());
        held->unlock();
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

WEFT_TEST(mutex, a_lock_that_was_handed_over_survives_the_stop) {
    auto test = []() -> task<> {
        weft::local::mutex m;
        auto held = co_await m.lock();
        // Both end in the same turn: the lock is handed over, and its branch stopped before it has run.
        auto releasing = [&]() -> task<result<void>> {
            co_await weft::yield();
            held->unlock();
            co_return weft::failure(errc::busy);
        };
        auto both = co_await weft::when_any(m.lock(), releasing());
        WEFT_CHECK(both.get<0>().has_value());
        WEFT_CHECK(m.is_locked());
        both.get<0>()->unlock();
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

WEFT_TEST(mutex, guards_move) {
    auto test = []() -> task<> {
        weft::mutex m;
        weft::mutex other;
        auto a = co_await m.lock();
        weft::mutex::guard b = std::move(*a);
        WEFT_CHECK(!*a);
        WEFT_REQUIRE_IN_TASK(b);
        WEFT_CHECK_EQ(b.mutex(), &m);
        WEFT_CHECK(m.is_locked());
        b = *co_await other.lock();
        WEFT_CHECK(!m.is_locked());
        WEFT_CHECK(other.is_locked());
        b.unlock();
        b.unlock();
        auto c = m.try_lock();
        WEFT_CHECK(!other.is_locked());
        WEFT_REQUIRE_IN_TASK(c.has_value());
        WEFT_CHECK(m.is_locked());
    };
    weft::testing::run(test());
}

WEFT_TEST(mutex, in_a_stopped_branch_it_fails_even_when_free) {
    auto test = []() -> task<> {
        weft::mutex m;
        auto inner = [&]() -> task<result<int>> {
            (void)co_await weft::sleep_for(1h);
            auto held = co_await m.lock();
            co_return held ? 1 : 0;
        };
        auto r = co_await weft::timeout(1ms, inner());
        WEFT_CHECK_EQ(r.value_or(-1), 0);
        WEFT_CHECK(!m.is_locked());
    };
    weft::testing::run(test());
}

} // namespace
