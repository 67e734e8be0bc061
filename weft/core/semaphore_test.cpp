#include <weft/core/semaphore.hpp>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

constinit weft::semaphore global(3);

template <class S> task<> bounds(S& s) {
    int inside = 0;
    int most = 0;
    auto user = [&]() -> task<result<void>> {
        co_await weft::ok(s.acquire());
        if (++inside > most) most = inside;
        co_await weft::testing::until([&] { return most >= 3; }); // so many fit, and no more come
        co_await weft::yield();
        --inside;
        s.release();
        co_return {};
    };
    auto body = [&](weft::scope& scope) -> task<> {
        for (int i = 0; i < 20; ++i) scope.spawn(user());
        co_return;
    };
    auto done = co_await weft::with_scope(body);
    WEFT_REQUIRE_IN_TASK(done.has_value());
    WEFT_CHECK_EQ(most, 3);
    WEFT_CHECK_EQ(s.available(), 3);
}

WEFT_TEST(semaphore, bounds_how_many_are_inside) {
    weft::local::semaphore l(3);
    weft::testing::run(bounds(global));
    weft::testing::run(bounds(l));
}

WEFT_TEST(semaphore, big_requests_are_not_overtaken) {
    auto test = []() -> task<> {
        weft::local::semaphore s(2);
        int came = 0;
        int order[3] = {};
        int served = 0;
        auto taking = [&](int who, std::size_t n) -> task<result<void>> {
            co_await weft::testing::until([&] { return came == who - 1; });
            ++came;
            co_await weft::ok(s.acquire(n));
            order[served++] = who;
            s.release(n);
            co_return {};
        };
        auto releasing = [&]() -> task<> {
            co_await weft::testing::until([&] { return came == 3; });
            s.release(1); // three permits: enough for the smaller ones, and they have to wait all the same
            bool waited = served == 0 && !s.try_acquire();
            s.release(1);
            if (!waited) served = 100;
        };
        // No two of them fit in together, so that each is seen to be served before the next.
        auto r = co_await weft::when_all(taking(1, 4), taking(2, 3), taking(3, 2), releasing());
        WEFT_REQUIRE_IN_TASK(r.has_value());
        WEFT_CHECK_EQ(served, 3);
        WEFT_CHECK_EQ(order[0], 1);
        WEFT_CHECK_EQ(order[1], 2);
        WEFT_CHECK_EQ(order[2], 3);
        WEFT_CHECK_EQ(s.available(), 4);
    };
    weft::testing::run(test());
}

WEFT_TEST(semaphore, a_big_request_that_gives_up_lets_small_ones_go_on) {
    auto test = []() -> task<> {
        weft::semaphore s(1);
        auto big = [&]() -> task<bool> {
            auto r = co_await weft::timeout(1ms, s.acquire(2));
            co_return !r && r.error() == errc::timed_out;
        };
        auto both = co_await weft::when_all(big(), weft::timeout(2ms, s.acquire(1)));
        WEFT_REQUIRE_IN_TASK(both.has_value());
        WEFT_CHECK(std::get<0>(*both));
        WEFT_CHECK_EQ(s.available(), 0);
    };
    weft::testing::run(test());
}

WEFT_TEST(semaphore, permits_that_were_handed_over_survive_the_stop) {
    auto test = []() -> task<> {
        weft::semaphore s(0);
        bool waits = false;
        bool acquired = false;
        auto acquiring = [&]() -> task<> {
            waits = true;
            acquired = (co_await s.acquire()).has_value();
        };
        // The acquiring one is stopped before it has run.
        auto body = [&](weft::scope& scope) -> task<> {
            scope.spawn(acquiring());
            co_await weft::testing::until([&] { return waits; });
            s.release();
            scope.request_stop();
        };
        auto r = co_await weft::with_scope(body);
        WEFT_CHECK(r);
        WEFT_CHECK(acquired);
        WEFT_CHECK_EQ(s.available(), 0);
    };
    weft::testing::run(test());
}

} // namespace
