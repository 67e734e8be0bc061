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

template <class B> task<bool> meets(B& b) {
    int arrivals = 0;
    int last = 0;
    bool together = true;
    auto party = [&](int speed) -> task<result<void>> {
        for (int phase = 1; phase <= 5; ++phase) {
            for (int i = 0; i < speed; ++i) co_await weft::yield();
            ++arrivals;
            last += co_await weft::ok(b.arrive_and_wait());
            together &= arrivals >= phase * 3;
        }
        co_return {};
    };
    auto r = co_await weft::when_all(party(0), party(2), party(5));
    co_return r.has_value() && together&& arrivals == 15 && last == 5;
}

WEFT_TEST(barrier, all_meet_in_every_phase) {
    weft::barrier b(3);
    weft::local::barrier l(3);
    WEFT_CHECK(weft::testing::run(meets(b)));
    WEFT_CHECK(weft::testing::run(meets(l)));
}

WEFT_TEST(barrier, a_cancelled_arrival_is_taken_back) {
    auto test = []() -> task<bool> {
        weft::barrier b(2);
        auto gave_up = co_await weft::timeout(1ms, b.arrive_and_wait());
        // One arrival is not enough after that, two are.
        auto alone = co_await weft::timeout(1ms, b.arrive_and_wait());
        auto both = co_await weft::when_all(b.arrive_and_wait(), b.arrive_and_wait());
        if (!both) co_return false;
        auto [first, second] = *both;
        co_return !gave_up && !alone && !first && second;
    };
    WEFT_CHECK(weft::testing::run(test()));
}

WEFT_TEST(barrier, drop_ends_the_phase_for_the_others) {
    auto test = []() -> task<bool> {
        weft::local::barrier b(3);
        auto dropping = [&]() -> task<> {
            (void)co_await weft::sleep_for(1ms);
            b.drop();
        };
        auto r = co_await weft::when_all(b.arrive_and_wait(), b.arrive_and_wait(), dropping());
        if (!r) co_return false;
        auto [x, y, nothing] = *r;
        b.drop();
        auto alone = co_await b.arrive_and_wait();
        co_return !x && !y && b.expected() == 1 && alone.value_or(false);
    };
    WEFT_CHECK(weft::testing::run(test()));
}

template <class L> task<bool> counts(L& l) {
    auto counting = [&]() -> task<> {
        for (int i = 0; i < 3; ++i) {
            co_await weft::yield();
            l.count_down();
        }
    };
    auto early = co_await weft::timeout(1ms, l.wait());
    auto r = co_await weft::when_all(l.wait(), counting(), l.wait());
    auto open = co_await l.wait();
    co_return !early && early.error() == errc::timed_out && r && l.try_wait() && open;
}

WEFT_TEST(latch, opens_at_zero_and_stays_open) {
    weft::latch l(3);
    weft::local::latch local(3);
    WEFT_CHECK(weft::testing::run(counts(l)));
    WEFT_CHECK(weft::testing::run(counts(local)));
}

} // namespace
