#include <weft/core/shared_mutex.hpp>

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

// Readers and writers that come in a fixed mix; what each sees is checked, and who came in in which order.
template <class M> task<> mixes(M& m) {
    int readers = 0;
    int writers = 0;
    int most_readers = 0;
    int came = 0;
    char order[9] = {};
    int served = 0;
    auto reader = [&](int together) -> task<result<void>> {
        ++came;
        auto held = co_await weft::ok(m.lock_shared());
        order[served++] = 'r';
        WEFT_CHECK_EQ(writers, 0);
        if (++readers > most_readers) most_readers = readers;
        co_await weft::testing::until([&] { return most_readers >= together; });
        co_await weft::yield();
        --readers;
        co_return {};
    };
    auto writer = [&]() -> task<result<void>> {
        ++came;
        auto held = co_await weft::ok(m.lock());
        order[served++] = 'w';
        WEFT_CHECK_EQ(readers, 0);
        WEFT_CHECK_EQ(++writers, 1);
        co_await weft::yield();
        --writers;
        co_return {};
    };
    auto body = [&](weft::scope& s) -> task<result<void>> {
        auto held = co_await weft::ok(m.lock());
        for (int i = 0; i < 8; ++i) {
            s.spawn("rrwrrrww"[i] == 'r' ? reader(i < 2 ? 2 : 3) : writer());
            co_await weft::testing::until([&] { return came == i + 1; });
        }
        co_return {};
    };
    auto done = co_await weft::with_scope(body);
    for (int i = 0; i < 8; ++i) {
        WEFT_CHECK_EQ(order[i], "rrwrrrww"[i]);
    }
    WEFT_REQUIRE_IN_TASK(done.has_value());
    WEFT_CHECK_EQ(most_readers, 3);
}

WEFT_TEST(shared_mutex, serves_in_order_and_lets_neighbouring_readers_in_together) {
    weft::shared_mutex m;
    weft::local::shared_mutex l;
    weft::testing::run(mixes(m));
    weft::testing::run(mixes(l));
}

WEFT_TEST(shared_mutex, a_writer_is_not_starved_by_readers_that_keep_coming) {
    auto test = []() -> task<> {
        weft::local::shared_mutex m;
        bool asked = false;
        bool written = false;
        int reads = 0;
        int reads_before = 0; // since the writer asked
        auto reader = [&]() -> task<result<void>> {
            for (int i = 0; i < 1000 && !written; ++i) {
                auto held = co_await weft::ok(m.lock_shared());
                ++reads;
                if (asked && !written) ++reads_before;
                co_await weft::yield();
            }
            co_return {};
        };
        auto writer = [&]() -> task<result<void>> {
            co_await weft::testing::until([&] { return reads >= 10; });
            asked = true;
            auto held = co_await weft::ok(m.lock());
            written = true;
            co_return {};
        };
        auto r = co_await weft::when_all(reader(), reader(), reader(), writer());
        WEFT_REQUIRE_IN_TASK(r.has_value());
        WEFT_REQUIRE_IN_TASK(written);
        WEFT_CHECK(reads_before <= 3); // of those that were let in already
    };
    weft::testing::run(test());
}

WEFT_TEST(shared_mutex, a_writer_that_gives_up_lets_the_readers_behind_it_in) {
    auto test = []() -> task<> {
        weft::shared_mutex m;
        auto held = co_await m.lock_shared();
        auto writer = [&]() -> task<bool> {
            auto w = co_await weft::timeout(1ms, m.lock());
            co_return !w && w.error() == errc::timed_out;
        };
        auto reader = [&]() -> task<bool> {
            co_await weft::testing::until([&] { return !m.try_lock_shared(); }); // the writer waits
            auto r = co_await weft::timeout(2ms, m.lock_shared());
            co_return r.has_value();
        };
        auto both = co_await weft::when_all(writer(), reader());
        WEFT_REQUIRE_IN_TASK(both);
        WEFT_CHECK(std::get<0>(*both));
        WEFT_CHECK(std::get<1>(*both));
    };
    weft::testing::run(test());
}

WEFT_TEST(shared_mutex, tries) {
    auto test = []() -> task<> {
        weft::shared_mutex m;
        auto a = m.try_lock_shared();
        auto b = m.try_lock_shared();
        auto none = m.try_lock();
        WEFT_REQUIRE_IN_TASK(a);
        WEFT_REQUIRE_IN_TASK(b);
        WEFT_REQUIRE_IN_TASK(!none);
        WEFT_CHECK_EQ(none.error(), errc::would_block);
        a->unlock();
        b->unlock();
        auto w = m.try_lock();
        WEFT_REQUIRE_IN_TASK(w);
        WEFT_CHECK(!m.try_lock_shared());
        WEFT_CHECK(!m.try_lock());
        weft::shared_mutex::guard moved = std::move(*w);
        moved = weft::shared_mutex::guard();
        auto after = m.try_lock();
        WEFT_REQUIRE_IN_TASK(after.has_value());
        co_return;
    };
    weft::testing::run(test());
}

} // namespace
