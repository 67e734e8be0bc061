#include <weft/core/barrier.hpp>

#include <weft/core/latch.hpp>
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

template <class B> task<> meets(B& b) {
    int arrivals = 0;
    int last = 0;
    auto party = [&](int speed) -> task<result<void>> {
        for (int phase = 1; phase <= 5; ++phase) {
            for (int i = 0; i < speed; ++i) co_await weft::yield();
            ++arrivals;
            last += co_await weft::ok(b.arrive_and_wait());
            WEFT_CHECK(arrivals >= phase * 3);
        }
        co_return {};
    };
    auto r = co_await weft::when_all(party(0), party(2), party(5));
    WEFT_REQUIRE_IN_TASK(r.has_value());
    WEFT_CHECK_EQ(arrivals, 15);
    WEFT_CHECK_EQ(last, 5);
}

WEFT_TEST(barrier, all_meet_in_every_phase) {
    weft::barrier b(3);
    weft::local::barrier l(3);
    weft::testing::run(meets(b));
    weft::testing::run(meets(l));
}

WEFT_TEST(barrier, a_cancelled_arrival_is_taken_back) {
    auto test = []() -> task<> {
        weft::barrier b(2);
        auto gave_up = co_await weft::timeout(1ms, b.arrive_and_wait());
        // One arrival is not enough after that, two are.
        auto alone = co_await weft::timeout(1ms, b.arrive_and_wait());
        auto both = co_await weft::when_all(b.arrive_and_wait(), b.arrive_and_wait());
        WEFT_REQUIRE_IN_TASK(both);
        auto [first, second] = *both;
        WEFT_REQUIRE_IN_TASK(!gave_up);
        WEFT_REQUIRE_IN_TASK(!alone);
        WEFT_REQUIRE_IN_TASK(!first);
        WEFT_REQUIRE_IN_TASK(second);
    };
    weft::testing::run(test());
}

WEFT_TEST(barrier, drop_ends_the_phase_for_the_others) {
    auto test = []() -> task<> {
        weft::local::barrier b(3);
        auto dropping = [&]() -> task<> {
            (void)co_await weft::sleep_for(1ms);
            b.drop();
        };
        auto r = co_await weft::when_all(b.arrive_and_wait(), b.arrive_and_wait(), dropping());
        WEFT_REQUIRE_IN_TASK(r);
        auto [x, y, nothing] = *r;
        b.drop();
        auto alone = co_await b.arrive_and_wait();
        WEFT_REQUIRE_IN_TASK(!x);
        WEFT_REQUIRE_IN_TASK(!y);
        WEFT_CHECK_EQ(b.expected(), 1);
        WEFT_CHECK(alone.value_or(false));
    };
    weft::testing::run(test());
}

template <class L> task<> counts(L& l) {
    auto counting = [&]() -> task<> {
        for (int i = 0; i < 3; ++i) {
            co_await weft::yield();
            l.count_down();
        }
    };
    auto early = co_await weft::timeout(1ms, l.wait());
    auto r = co_await weft::when_all(l.wait(), counting(), l.wait());
    auto open = co_await l.wait();
    WEFT_REQUIRE_IN_TASK(!early);
    WEFT_CHECK_EQ(early.error(), errc::timed_out);
    WEFT_REQUIRE_IN_TASK(r);
    WEFT_CHECK(l.try_wait());
    WEFT_REQUIRE_IN_TASK(open);
}

WEFT_TEST(latch, opens_at_zero_and_stays_open) {
    weft::latch l(3);
    weft::local::latch local(3);
    weft::testing::run(counts(l));
    weft::testing::run(counts(local));
}

} // namespace
