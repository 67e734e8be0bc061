#include <weft/core/channel.hpp>

#include <memory>

#include <weft/core/broadcast.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/oneshot.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/watch.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

constinit weft::channel<int, 4> global_channel;
constinit weft::oneshot<int> global_oneshot;
constinit weft::broadcast<int, 2> global_broadcast;
constinit weft::watch<int> global_watch;

// As it was when the program began, so that a test may run more than once.
template <class T> T& fresh(T& global) {
    std::destroy_at(&global);
    return *std::construct_at(&global);
}

// Moves only, and counts: how many hold a value, and how often one was moved.
struct parcel {
    static inline int alive = 0;
    static inline int moves = 0;
    explicit parcel(int v) noexcept : value(v) { ++alive; }
    parcel(parcel&& other) noexcept : value(other.value) {
        other.value = 0;
        ++alive;
        ++moves;
    }
    ~parcel() { --alive; }
    int value;
};

template <class C> task<> passes_in_order(C& c) {
    int sum = 0;
    auto sender = [&]() -> task<result<void>> {
        for (int i = 1; i <= 100; ++i) co_await weft::ok(c.send(parcel(i)));
        c.close();
        co_return {};
    };
    auto receiver = [&]() -> task<result<void>> {
        int last = 0;
        for (;;) {
            auto got = co_await c.recv();
            if (!got) co_return got.error() == errc::closed ? result<void>() : weft::failure(got.error());
            WEFT_CHECK(got->value > last);
            last = got->value;
            sum += last;
        }
    };
    auto r = co_await weft::when_all(receiver(), sender(), receiver());
    WEFT_REQUIRE_IN_TASK(r.has_value());
    WEFT_CHECK_EQ(sum, 5050);
    WEFT_CHECK(c.is_closed());
    WEFT_CHECK_EQ(c.size(), 0);
}

template <std::size_t N> void passes_through() {
    weft::channel<parcel, N> c;
    weft::local::channel<parcel, N> l;
    weft::testing::run(passes_in_order(c));
    weft::testing::run(passes_in_order(l));
    WEFT_CHECK_EQ(parcel::alive, 0);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(channel, passes_values_in_order) {
    passes_through<1>();
    passes_through<3>();
    passes_through<200>();
}

WEFT_TEST(channel, without_slots_sender_and_receiver_meet) {
    passes_through<0>();
    auto test = []() -> task<> {
        weft::local::channel<int, 0> c;
        WEFT_CHECK_EQ(c.try_send(1).error(), errc::would_block);
        WEFT_CHECK_EQ(c.try_recv().error(), errc::would_block);
        auto alone = co_await weft::timeout(1ms, c.send(1));
        auto both = co_await weft::when_all(c.send(2), c.recv());
        WEFT_REQUIRE_IN_TASK(!alone);
        WEFT_REQUIRE_IN_TASK(both);
        WEFT_CHECK_EQ(std::get<1>(*both), 2);
    };
    weft::testing::run(test());
}

WEFT_TEST(channel, in_memory_of_the_callers) {
    weft::slot<parcel> memory[2];
    weft::channel<parcel> c(memory);
    weft::testing::run(passes_in_order(c));
    weft::channel<parcel, 2> with_its_own;
    weft::channel<parcel>& seen_as = with_its_own;
    weft::testing::run(passes_in_order(seen_as));
    WEFT_CHECK_EQ(parcel::alive, 0);
}

WEFT_TEST(channel, a_value_goes_straight_to_a_waiting_receiver) {
    auto test = []() -> task<> {
        weft::local::channel<parcel, 4> c;
        bool waits = false;
        auto sending = [&]() -> task<result<void>> {
            co_await weft::testing::until([&] { return waits; });
            parcel::moves = 0;
            co_await weft::ok(c.send(parcel(7)));
            co_return {};
        };
        auto receiving = [&]() -> task<bool> {
            waits = true;
            auto got = co_await c.recv();
            // Into the send operation, into the receiving frame, into the result.
            co_return got && got->value == 7 && parcel::moves == 3;
        };
        auto r = co_await weft::when_all(receiving(), sending());
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_CHECK(std::get<0>(*r));
    };
    weft::testing::run(test());
}

WEFT_TEST(channel, close_gives_waiting_senders_their_values_back) {
    auto test = []() -> task<> {
        weft::channel<parcel, 1> c;
        bool waits = false;
        bool back = false;
        auto sender = [&]() -> task<result<void>> {
            co_await weft::ok(c.send(parcel(1)));
            auto sending = c.send(parcel(2));
            waits = true;
            auto sent = co_await sending;
            back = !sent && sent.error() == errc::closed && sending.value().value == 2;
            auto late = c.send(parcel(3));
            auto too_late = co_await late;
            back &= !too_late && too_late.error() == errc::closed && late.value().value == 3;
            parcel again(4);
            back &= c.try_send(std::move(again)).error() == errc::closed && again.value == 4;
            co_return {};
        };
        auto closer = [&]() -> task<> {
            co_await weft::testing::until([&] { return waits; });
            c.close();
            c.close();
            co_return;
        };
        auto r = co_await weft::when_all(sender(), closer());
        auto drained = co_await c.recv();
        auto after = co_await c.recv();
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_REQUIRE_IN_TASK(back);
        WEFT_REQUIRE_IN_TASK(drained);
        WEFT_CHECK_EQ(drained->value, 1);
        WEFT_CHECK_EQ(after.error(), errc::closed);
        WEFT_CHECK_EQ(c.try_recv().error(), errc::closed);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(parcel::alive, 0);
}

WEFT_TEST(channel, close_ends_waiting_receivers) {
    auto test = []() -> task<> {
        weft::channel<int, 2> c;
        auto closer = [&]() -> task<> {
            co_await weft::yield();
            c.close();
        };
        auto r = co_await weft::when_any(c.recv(), closer());
        WEFT_CHECK_EQ(r.get<0>().error(), errc::closed);
    };
    weft::testing::run(test());
}

WEFT_TEST(channel, a_receiver_that_was_handed_a_value_yields_it_in_spite_of_the_stop) {
    auto test = []() -> task<> {
        weft::channel<parcel, 1> c;
        // The sender ends first and stops the receiver, which has been handed the value but has not run.
        auto r = co_await weft::when_any(c.recv(), c.send(parcel(5)));
        WEFT_REQUIRE_IN_TASK(r.get<0>());
        WEFT_CHECK_EQ(r.get<0>()->value, 5);
        WEFT_CHECK(r.get<1>());
        auto none = co_await weft::timeout(1ms, c.recv());
        WEFT_REQUIRE_IN_TASK(!none);
        WEFT_CHECK_EQ(none.error(), errc::timed_out);
        WEFT_CHECK(c.try_send(parcel(6)).has_value());
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(parcel::alive, 0);
}

WEFT_TEST(channel, a_cancelled_send_did_not_send) {
    auto test = []() -> task<> {
        weft::local::channel<parcel, 1> c;
        co_await c.send(parcel(1));
        auto sending = c.send(parcel(2));
        auto r = co_await weft::timeout(1ms, sending);
        WEFT_REQUIRE_IN_TASK(!r);
        WEFT_CHECK_EQ(sending.value().value, 2);
        WEFT_CHECK_EQ(c.size(), 1);
        // A sender whose value was taken says so.
        auto taking = [&]() -> task<int> {
            auto got = c.try_recv();
            co_return got ? got->value : 0;
        };
        auto sent = co_await weft::when_any(c.send(parcel(3)), taking());
        WEFT_CHECK(sent.get<0>());
        WEFT_CHECK_EQ(sent.get<1>(), 1);
        WEFT_CHECK_EQ(c.size(), 1);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(parcel::alive, 0);
}

WEFT_TEST(channel, many_senders_and_receivers_lose_nothing) {
    auto test = []() -> task<> {
        weft::channel<int, 3> c;
        long received = 0;
        int senders = 5;
        auto sender = [&](int from) -> task<result<void>> {
            for (int i = 0; i < 50; ++i) {
                co_await weft::ok(c.send(from * 50 + i));
                if (i % 7 == from) co_await weft::yield();
            }
            if (--senders == 0) c.close();
            co_return {};
        };
        auto receiver = [&]() -> task<> {
            while (auto got = co_await c.recv()) received += *got;
        };
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 5; ++i) s.spawn(sender(i));
            for (int i = 0; i < 4; ++i) s.spawn(receiver());
            co_return;
        };
        auto r = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(r);
        WEFT_CHECK_EQ(received, 249 * 250 / 2);
    };
    weft::testing::run(test());
}

WEFT_TEST(channel, values_that_nobody_took_are_destroyed) {
    {
        weft::channel<parcel, 3> c;
        WEFT_CHECK(c.try_send(parcel(1)).has_value());
        WEFT_CHECK(c.try_send(parcel(2)).has_value());
        WEFT_CHECK_EQ(c.size(), 2u);
        WEFT_CHECK_EQ(parcel::alive, 2);
    }
    WEFT_CHECK_EQ(parcel::alive, 0);
    WEFT_CHECK(global_channel.try_send(1).has_value());
    WEFT_CHECK_EQ(global_channel.try_recv().value_or(0), 1);
}

template <class A, class B> task<> sends_once(A& a, B& b) {
    auto sending = [&]() -> task<result<void>> {
        co_await weft::yield();
        co_return a.send(parcel(8));
    };
    auto waited = co_await weft::when_all(a.recv(), sending());
    WEFT_REQUIRE_IN_TASK(waited);
    WEFT_CHECK_EQ(std::get<0>(*waited).value, 8);
    WEFT_CHECK_EQ(a.send(parcel(1)).error(), errc::already_exists);
    auto again = co_await a.recv();
    WEFT_REQUIRE_IN_TASK(!again);
    WEFT_CHECK_EQ(again.error(), errc::closed);
    WEFT_CHECK_EQ(a.try_recv().error(), errc::closed);
    WEFT_CHECK_EQ(b.try_recv().error(), errc::would_block);
    WEFT_CHECK(b.send(parcel(9)).has_value());
    auto there = co_await b.recv();
    WEFT_REQUIRE_IN_TASK(there);
    WEFT_CHECK_EQ(there->value, 9);
}

WEFT_TEST(oneshot, sends_once) {
    weft::oneshot<parcel> a;
    weft::oneshot<parcel> b;
    weft::local::oneshot<parcel> la;
    weft::local::oneshot<parcel> lb;
    weft::testing::run(sends_once(a, b));
    weft::testing::run(sends_once(la, lb));
    WEFT_CHECK(fresh(global_oneshot).send(1).has_value());
    {
        weft::oneshot<parcel> dropped;
        WEFT_CHECK(dropped.send(parcel(1)).has_value());
    }
    WEFT_CHECK_EQ(parcel::alive, 0);
}

WEFT_TEST(oneshot, close_and_stop) {
    auto test = []() -> task<> {
        weft::oneshot<parcel> a;
        auto none = co_await weft::timeout(1ms, a.recv());
        auto sending = [&]() -> task<result<void>> { co_return a.send(parcel(3)); };
        auto handed = co_await weft::when_any(a.recv(), sending());
        weft::oneshot<parcel> b;
        auto closing = [&]() -> task<> {
            b.close();
            co_return;
        };
        auto closed = co_await weft::when_any(b.recv(), closing());
        weft::oneshot<parcel> c;
        auto two = [&]() -> task<> {
            (void)c.send(parcel(4));
            co_return;
        };
        auto shared = co_await weft::when_any(c.recv(), c.recv(), two());
        WEFT_REQUIRE_IN_TASK(!none);
        WEFT_CHECK_EQ(none.error(), errc::timed_out);
        WEFT_CHECK(handed.get<0>());
        WEFT_CHECK_EQ(closed.get<0>().error(), errc::closed);
        WEFT_CHECK_EQ(b.send(parcel(1)).error(), errc::closed);
        WEFT_CHECK(shared.get<0>());
        WEFT_CHECK_EQ(shared.get<1>().error(), errc::closed);
    };
    weft::testing::run(test());
    WEFT_CHECK_EQ(parcel::alive, 0);
}

template <class B> task<> tells_all(B& b) {
    auto one = b.subscribe();
    auto two = b.subscribe();
    int sums[2] = {};
    int received = 0;
    auto receiving = [&](auto& from, int& sum) -> task<result<void>> {
        for (;;) {
            auto got = co_await from.recv();
            if (!got) co_return got.error() == errc::closed ? result<void>() : weft::failure(got.error());
            sum += *got;
            ++received;
        }
    };
    auto sending = [&]() -> task<result<void>> {
        for (int i = 1; i <= 10; ++i) {
            co_await weft::testing::until([&] { return received == 2 * (i - 1); }); // else they would lag
            auto sent = b.send(i);
            if (!sent) co_return sent;
        }
        b.close();
        co_return {};
    };
    auto r = co_await weft::when_all(receiving(one, sums[0]), receiving(two, sums[1]), sending());
    WEFT_REQUIRE_IN_TASK(r);
    WEFT_CHECK_EQ(sums[0], 55);
    WEFT_CHECK_EQ(sums[1], 55);
    WEFT_CHECK_EQ(b.send(1).error(), errc::closed);
}

WEFT_TEST(broadcast, tells_every_receiver_every_value) {
    weft::broadcast<int, 2> b;
    weft::local::broadcast<int, 1> l;
    weft::testing::run(tells_all(b));
    weft::testing::run(tells_all(l));
}

WEFT_TEST(broadcast, a_slow_receiver_is_told_what_it_missed) {
    auto test = []() -> task<> {
        auto r = fresh(global_broadcast).subscribe();
        auto fast = r;
        WEFT_CHECK_EQ(r.try_recv().error(), errc::would_block);
        for (int i = 1; i <= 5; ++i) {
            (void)global_broadcast.send(i);
            auto got = co_await fast.recv();
            WEFT_REQUIRE_IN_TASK(got);
            WEFT_CHECK_EQ(*got, i);
        }
        auto lagged = co_await r.recv();
        auto four = co_await r.recv();
        auto five = co_await r.recv();
        auto none = co_await weft::timeout(1ms, r.recv());
        global_broadcast.close();
        auto end = co_await r.recv();
        WEFT_CHECK_EQ(lagged.error(), weft::error(errc::lagged, 3));
        WEFT_CHECK_EQ(four, 4);
        WEFT_CHECK_EQ(five, 5);
        WEFT_CHECK_EQ(none.error(), errc::timed_out);
        WEFT_CHECK_EQ(end.error(), errc::closed);
    };
    weft::testing::run(test());
}

WEFT_TEST(broadcast, a_stop_loses_no_value) {
    auto test = []() -> task<> {
        weft::broadcast<int, 2> b;
        auto r = b.subscribe();
        auto sending = [&]() -> task<> {
            (void)b.send(1);
            co_return;
        };
        auto woken = co_await weft::when_any(r.recv(), sending());
        auto late = co_await weft::timeout(1ms, r.recv());
        (void)b.send(2);
        auto next = co_await r.recv();
        WEFT_CHECK_EQ(woken.get<0>(), 1);
        WEFT_REQUIRE_IN_TASK(!late);
        WEFT_CHECK_EQ(next, 2);
    };
    weft::testing::run(test());
}

template <class W> task<> shows_the_latest(W& w) {
    auto o = w.observe();
    auto late = co_await weft::timeout(1ms, o.changed());
    WEFT_CHECK_EQ(late.error(), errc::timed_out);
    WEFT_CHECK_EQ(o.try_changed().error(), errc::would_block);
    w.set(1);
    w.set(2);
    auto two = co_await o.changed();
    WEFT_CHECK_EQ(two, 2);
    WEFT_CHECK_EQ(w.get(), 2);
    auto setting = [&]() -> task<> {
        co_await weft::yield();
        w.set(3);
        w.set(4);
    };
    auto other = w.observe();
    auto r = co_await weft::when_all(o.changed(), other.changed(), setting());
    WEFT_REQUIRE_IN_TASK(r.has_value());
    WEFT_CHECK_EQ(std::get<0>(*r), 4);
    WEFT_CHECK_EQ(std::get<1>(*r), 4);
    w.set(5);
    w.close();
    w.set(6);
    auto last = co_await o.changed();
    auto end = co_await o.changed();
    WEFT_CHECK_EQ(last, 5);
    WEFT_CHECK_EQ(end.error(), errc::closed);
    WEFT_CHECK_EQ(w.get(), 5);
}

WEFT_TEST(watch, shows_the_latest_value) {
    weft::local::watch<int> l;
    weft::testing::run(shows_the_latest(fresh(global_watch)));
    weft::testing::run(shows_the_latest(l));
}

} // namespace
