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

template <class M> task<bool> excludes_and_is_fair(M& m) {
    int inside = 0;
    int order[8] = {};
    int served = 0;
    bool excluded = true;
    auto user = [&](int i) -> task<result<void>> {
        auto held = co_await weft::ok(m.lock());
        excluded &= ++inside == 1 && m.is_locked() && m.holder() != nullptr;
        order[served++] = i;
        co_await weft::yield();
        co_await weft::yield();
        --inside;
        co_return {};
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 8; ++i) s.spawn(user(i));
        co_return;
    };
    auto done = co_await weft::with_scope(body);
    for (int i = 0; i < 8; ++i) excluded &= order[i] == i;
    co_return done.has_value() && excluded&& served == 8 && !m.is_locked() && m.holder() == nullptr;
}

WEFT_TEST(mutex, excludes_and_is_fair) {
    weft::mutex m;
    weft::local::mutex l;
    WEFT_CHECK(weft::testing::run(excludes_and_is_fair(m)));
    WEFT_CHECK(weft::testing::run(excludes_and_is_fair(l)));
    WEFT_CHECK(weft::testing::run(excludes_and_is_fair(global)));
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(mutex, nobody_overtakes_a_waiter) {
    auto test = []() -> task<bool> {
        weft::mutex m;
        bool second_first = false;
        auto holder = [&]() -> task<> {
            auto held = co_await m.lock();
            co_await weft::yield();
            held->unlock();
            // Handed over already: whoever asks now comes after the one that waited.
            second_first = m.is_locked() && m.try_lock().error() == errc::would_block;
        };
        auto second = [&]() -> task<result<void>> {
            auto held = co_await weft::ok(m.lock());
            co_return {};
        };
        auto r = co_await weft::when_all(holder(), second());
        co_return r.has_value() && second_first && !m.is_locked();
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(mutex, a_cancelled_wait_leaves_the_queue) {
    auto test = []() -> task<bool> {
        weft::local::mutex m;
        auto held = co_await m.lock();
        auto late = co_await weft::timeout(1ms, m.lock());
        bool gave_up = !late && late.error() == errc::timed_out && m.is_locked();
        held->unlock();
        co_return gave_up && !m.is_locked();
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(mutex, a_lock_that_was_handed_over_survives_the_stop) {
    auto test = []() -> task<bool> {
        weft::local::mutex m;
        auto held = co_await m.lock();
        // Both end in the same turn: the lock is handed over, and its branch stopped before it has run.
        auto releasing = [&]() -> task<result<void>> {
            co_await weft::yield();
            held->unlock();
            co_return weft::failure(errc::busy);
        };
        auto both = co_await weft::when_any(m.lock(), releasing());
        bool got = both.get<0>().has_value() && m.is_locked();
        both.get<0>()->unlock();
        co_return got && !m.is_locked();
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(mutex, guards_move) {
    auto test = []() -> task<bool> {
        weft::mutex m;
        weft::mutex other;
        auto a = co_await m.lock();
        weft::mutex::guard b = std::move(*a);
        bool moved = !*a && b && b.mutex() == &m && m.is_locked();
        b = *co_await other.lock();
        moved &= !m.is_locked() && other.is_locked();
        b.unlock();
        b.unlock();
        auto c = m.try_lock();
        co_return moved && !other.is_locked() && c.has_value() && m.is_locked();
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(mutex, in_a_stopped_branch_it_fails_even_when_free) {
    auto test = []() -> task<bool> {
        weft::mutex m;
        auto inner = [&]() -> task<result<int>> {
            (void)co_await weft::sleep_for(1h);
            auto held = co_await m.lock();
            co_return held ? 1 : 0;
        };
        auto r = co_await weft::timeout(1ms, inner());
        co_return r.value_or(-1) == 0 && !m.is_locked();
    };
    WEFT_CHECK(weft::testing::run(test()));
}

} // namespace
