#include <weft/io/signal_set.hpp>

#include <csignal>
#include <thread>

#include <weft/io/testing.hpp>
#include <weft/io/user_event.hpp>

namespace weft {
namespace {

using namespace testing;

// A place keeps its descriptor for the life of the process, so descriptors are counted when there are some.
class signals : public on_each_back_end {
  protected:
    void SetUp() override {
        {
            auto first = signal_set::make(SIGUSR1);
            auto second = signal_set::make(SIGUSR1);
        }
        on_each_back_end::SetUp();
    }
};
INSTANTIATE_TEST_SUITE_P(io, signals, ::testing::Values("uring", "epoll", "poll", "select"), back_end_name);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

TEST_P(signals, a_signal_is_awaited) {
    auto body = [&]() -> task<result<void>> {
        signal_set set = co_await ok(signal_set::make(SIGUSR1, SIGUSR2));
        ::raise(SIGUSR2); // before anybody waits
        int first = co_await ok(set.next());
        EXPECT_EQ(first, SIGUSR2);
        auto send = [&]() -> task<result<void>> {
            co_await ok(sleep_for(2ms));
            ::raise(SIGUSR1);
            co_return {};
        };
        auto wait = [&]() -> task<result<int>> {
            auto n = co_await set.next();
            co_return n;
        };
        auto both = co_await ok(when_all(wait(), send()));
        EXPECT_EQ(std::get<0>(both), SIGUSR1);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(signals, one_number_counts_once_until_it_is_taken) {
    auto body = [&]() -> task<result<void>> {
        signal_set set = co_await ok(signal_set::make(SIGUSR1, SIGUSR2));
        for (int i = 0; i < 3; ++i) ::raise(SIGUSR1);
        ::raise(SIGUSR2);
        int a = co_await ok(set.next());
        int b = co_await ok(set.next());
        EXPECT_EQ(a, SIGUSR1);
        EXPECT_EQ(b, SIGUSR2);
        auto none = co_await timeout(2ms, set.next());
        EXPECT_TRUE(!none && none.error() == errc::timed_out);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(signals, every_set_hears_it_and_one_waiter_of_each) {
    auto body = [&]() -> task<result<void>> {
        signal_set a = co_await ok(signal_set::make(SIGUSR1));
        signal_set b = co_await ok(signal_set::make(SIGUSR1));
        std::string heard;
        auto wait = [&](signal_set& s, char name) -> task<result<void>> {
            auto r = co_await timeout(200ms, s.next());
            if (r) heard += name;
            co_return {};
        };
        auto send = [&]() -> task<result<void>> {
            co_await ok(sleep_for(2ms));
            ::raise(SIGUSR1);
            co_return {};
        };
        co_await ok(when_all(wait(a, '1'), wait(a, '2'), wait(b, '3'), send()));
        std::sort(heard.begin(), heard.end());
        EXPECT_EQ(heard, "13");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

int handled = 0;

TEST_P(signals, what_was_there_before_is_there_afterwards) {
    handled = 0;
    struct sigaction mine{};
    mine.sa_handler = [](int) { ++handled; };
    struct sigaction old;
    ::sigaction(SIGUSR1, &mine, &old);
    {
        auto outer = signal_set::make(SIGUSR1);
        auto inner = signal_set::make(SIGUSR1);
        ::raise(SIGUSR1);
        EXPECT_EQ(handled, 0);
        outer = failure(errc::closed);
        ::raise(SIGUSR1);
        EXPECT_EQ(handled, 0);
    }
    ::raise(SIGUSR1);
    EXPECT_EQ(handled, 1);
    ::sigaction(SIGUSR1, &old, nullptr);
}

TEST_P(signals, a_set_starts_without_what_an_earlier_one_left) {
    {
        auto earlier = signal_set::make(SIGUSR1);
        ::raise(SIGUSR1);
    }
    auto body = [&]() -> task<result<void>> {
        signal_set set = co_await ok(signal_set::make(SIGUSR1));
        auto none = co_await timeout(2ms, set.next());
        EXPECT_TRUE(!none && none.error() == errc::timed_out);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(signals, what_cannot_be_caught_is_refused) {
    for (int number : {0, -1, 65, SIGKILL, SIGSTOP}) {
        auto r = signal_set::make(SIGUSR1, number);
        EXPECT_TRUE(!r && r.error() == errc::invalid_argument) << number;
    }
    struct sigaction now;
    ::sigaction(SIGUSR1, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST_P(signals, a_storm_from_another_thread) {
    auto body = [&]() -> task<result<void>> {
        signal_set set = co_await ok(signal_set::make(SIGUSR1, SIGUSR2));
        pthread_t here = ::pthread_self();
        std::thread other([&] {
            for (int i = 0; i < 500; ++i) ::pthread_kill(here, i % 2 ? SIGUSR1 : SIGUSR2);
        });
        int seen = 0;
        for (;;) {
            auto n = co_await timeout(50ms, set.next());
            if (!n) break;
            EXPECT_TRUE(*n == SIGUSR1 || *n == SIGUSR2);
            ++seen;
        }
        EXPECT_GE(seen, 2);
        other.join();
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

WEFT_ON_EACH_BACK_END(user_events);

TEST_P(user_events, any_thread_triggers) {
    auto body = [&]() -> task<result<void>> {
        user_event event = co_await ok(user_event::make());
        event.trigger();
        event.trigger();
        std::uint64_t n = co_await ok(event.wait());
        EXPECT_EQ(n, 2u);
        std::thread other([&] {
            for (int i = 0; i < 1000; ++i) event.trigger();
        });
        for (std::uint64_t total = 0; total < 1000;) {
            n = co_await ok(event.wait());
            total += n;
        }
        other.join();
        auto none = co_await timeout(2ms, event.wait());
        EXPECT_TRUE(!none && none.error() == errc::timed_out);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
