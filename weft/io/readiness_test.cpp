// What is easily wrong where the host is asked who is ready: loops that spin, readers that starve, and limits.
#include <weft/io/pipe.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/unix.hpp>

#include <algorithm>
#include <ctime>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(readiness);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

std::chrono::nanoseconds cpu_of_thread() {
    timespec t;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

// All are ready all the time: bytes that nobody reads, room that nobody uses, an end that nobody looks at.
TEST_P(readiness, what_nobody_waits_for_wakes_nobody) {
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        auto [ended, gone] = co_await ok(make_pipe());
        auto [ours, theirs] = co_await ok(unix_stream::pair());
        std::array<std::byte, 1> byte;
        // Each was waited for once.
        auto nothing = co_await timeout(1ms, reader.read_some(byte));
        EXPECT_FALSE(nothing);
        nothing = co_await timeout(1ms, ended.read_some(byte));
        EXPECT_FALSE(nothing);
        nothing = co_await timeout(1ms, ours.read_some(byte));
        EXPECT_FALSE(nothing);
        co_await ok(writer.write_all(bytes_of("nobody reads this")));
        co_await ok(theirs.write_all(bytes_of("nor this")));
        gone.close();
        std::chrono::nanoseconds before = cpu_of_thread();
        co_await ok(sleep_for(200ms));
        EXPECT_LT(cpu_of_thread() - before, 50ms);
        std::array<std::byte, 6> text;
        co_await ok(reader.read_exact(text));
        EXPECT_EQ(text_of(text), "nobody");
        std::size_t end = co_await ok(ended.read_some(byte));
        EXPECT_EQ(end, 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// One that waits for room keeps no one from sleeping who waits for input on the same socket, and the other way round.
TEST_P(readiness, the_two_sides_of_a_socket_are_waited_for_apart) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        std::vector<std::byte> much = pattern(1 << 20);
        std::chrono::nanoseconds spent{};
        auto reads = [&, &a = a]() -> task<result<void>> {
            std::array<std::byte, 1> byte;
            co_await ok(a.read_exact(byte));
            co_return {};
        };
        auto writes = [&, &a = a]() -> task<result<void>> {
            co_await ok(a.write_all(much));
            co_return {};
        };
        auto answers = [&, &b = b]() -> task<result<void>> {
            std::chrono::nanoseconds before = cpu_of_thread();
            co_await ok(sleep_for(100ms)); // both wait, and neither is ready
            spent = cpu_of_thread() - before;
            std::vector<std::byte> got(much.size());
            co_await ok(b.read_exact(got));
            EXPECT_TRUE(got == much);
            before = cpu_of_thread();
            co_await ok(sleep_for(100ms)); // only the reader does, while there is room
            spent += cpu_of_thread() - before;
            co_await ok(b.write_all(bytes_of("x")));
            co_return {};
        };
        co_await ok(when_all(reads(), writes(), answers()));
        EXPECT_LT(spent, 50ms);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(readiness, readers_that_always_find_something_take_turns) {
    constexpr std::size_t count = 8;
    constexpr std::size_t rounds = 2'000;
    auto body = [&]() -> task<result<void>> {
        std::vector<std::pair<pipe_reader, pipe_writer>> pipes;
        for (std::size_t i = 0; i < count; ++i) {
            pipes.push_back(co_await ok(make_pipe()));
            std::vector<std::byte> full(4096);
            co_await ok(pipes.back().second.write_all(full));
        }
        std::array<std::size_t, count> reads{};
        std::size_t all = 0;
        auto one = [&](std::size_t i) -> task<> {
            std::array<std::byte, 1> byte;
            while (all < rounds) {
                auto n = co_await pipes[i].first.read_some(byte);
                EXPECT_TRUE(n);
                ++reads[i];
                ++all;
            }
        };
        auto readers = [&](scope& s) -> task<> {
            for (std::size_t i = 0; i < count; ++i) s.spawn(one(i));
            co_return;
        };
        co_await with_scope(readers);
        auto [fewest, most] = std::minmax_element(reads.begin(), reads.end());
        EXPECT_GE(*fewest, 1u);
        EXPECT_LE(*most, rounds / count * 4) << "the fewest: " << *fewest;
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// select(2) knows no descriptor from 1,024 on: what would have to wait is refused, what is ready goes on, and nothing is
// written beyond its sets. The other back-ends know no such limit.
TEST_P(readiness, a_descriptor_with_a_large_number_works_or_is_refused) {
    rlimit limit;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
    ASSERT_GT(raised.rlim_cur, 1100u);
    ::setrlimit(RLIMIT_NOFILE, &raised);
    auto body = [&]() -> task<result<void>> {
        for (int number : {1023, 1024, 2000}) {
            auto [low, writer] = co_await ok(make_pipe());
            int moved = ::fcntl(static_cast<int>(low.handle().native()), F_DUPFD_CLOEXEC, number);
            EXPECT_EQ(moved, number);
            pipe_reader reader{descriptor(moved)};
            co_await ok(writer.write_all(bytes_of("x")));
            std::array<std::byte, 1> byte;
            std::size_t n = co_await ok(reader.read_some(byte)); // is there already
            EXPECT_EQ(n, 1u);
            auto late = [&, &writer = writer]() -> task<result<void>> {
                co_await ok(sleep_for(2ms));
                co_await ok(writer.write_all(bytes_of("y")));
                co_return {};
            };
            error e;
            auto waits = [&]() -> task<result<void>> {
                auto got = co_await reader.read_some(byte);
                if (!got) e = got.error();
                co_return {};
            };
            co_await ok(when_all(waits(), late()));
            EXPECT_EQ(e == errc::limit_exceeded, is("select") && number >= 1024) << number;
            EXPECT_EQ(e == errc::none, !is("select") || number < 1024) << number;
        }
        co_return {};
    };
    auto r = run(body());
    ::setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_OK(r);
}

// Somebody closes the number behind its owner's back. Back-ends that ask anew each time find out; none may stop waiting for
// the others.
TEST_P(readiness, a_number_that_is_closed_by_others_harms_nobody_else) {
    auto body = [&]() -> task<result<void>> {
        auto [closed, peer] = co_await ok(make_pipe());
        auto [reader, writer] = co_await ok(make_pipe());
        error e;
        auto waits = [&, &closed = closed]() -> task<result<void>> {
            std::array<std::byte, 1> byte;
            auto got = co_await timeout(50ms, closed.read_some(byte));
            if (!got) e = got.error();
            co_return {};
        };
        auto reads = [&, &reader = reader]() -> task<result<void>> {
            std::array<std::byte, 1> byte;
            co_await ok(reader.read_exact(byte));
            co_return {};
        };
        auto closes = [&, &closed = closed, &writer = writer]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            ::close(static_cast<int>(closed.handle().native()));
            co_await ok(sleep_for(1ms));
            co_await ok(writer.write_all(bytes_of("x")));
            co_return {};
        };
        co_await ok(when_all(waits(), reads(), closes()));
        if (is("poll") || is("select"))
            EXPECT_TRUE(e == errc::bad_descriptor) << e.message();
        else
            EXPECT_TRUE(e == errc::timed_out) << e.message();
        (void)closed.handle().release();
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
