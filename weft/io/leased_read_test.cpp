// Reads whose buffers come with the bytes, and go home.
#include <thread>

#include <weft/io/tcp.hpp>
#include <weft/io/testing.hpp>
#include <weft/io/unix.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(leased_reads);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

using streams = std::pair<unix_stream, unix_stream>;

TEST_P(leased_reads, an_echo_holds_a_buffer_only_while_it_answers) {
    std::vector<std::byte> sent = pattern(300'000), got(sent.size());
    auto echo = [](tcp_stream peer) -> task<result<void>> {
        for (;;) {
            leased_buffer bytes = co_await ok(peer.read_leased());
            if (bytes.empty()) co_return {};
            co_await ok(peer.write_all(bytes));
        }
    };
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        tcp_stream client = co_await ok(tcp_stream::connect(at));
        tcp_stream server = co_await ok(listener.accept());
        auto write = [&]() -> task<result<void>> {
            co_await ok(client.write_all(sent));
            co_return client.shutdown_output();
        };
        auto read = [&]() -> task<result<void>> {
            co_await ok(client.read_exact(got));
            co_return {};
        };
        co_await ok(when_all(write(), read(), echo(std::move(server))));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_EQ(got, sent);
}

TEST_P(leased_reads, wait_for_bytes_and_yield_all_that_have_come) {
    auto body = [&]() -> task<result<void>> {
        streams ends = co_await ok(unix_stream::pair());
        auto write = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(ends.second.write_all(bytes_of("hello")));
            co_return {};
        };
        auto read = [&]() -> task<result<void>> {
            leased_buffer bytes = co_await ok(ends.first.read_leased());
            EXPECT_EQ(text_of(bytes.bytes()), "hello");
            leased_buffer moved(std::move(bytes));
            EXPECT_TRUE(bytes.empty() && bytes.data() == nullptr);
            bytes = std::move(moved);
            EXPECT_EQ(bytes.size(), 5u);
            co_return {};
        };
        for (int i = 0; i < 3; ++i) co_await ok(when_all(read(), write()));
        ends.second.close();
        leased_buffer end = co_await ok(ends.first.read_leased());
        EXPECT_TRUE(end.empty());
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Far more than a pool begins with are lent at the same time; at the limit an error says so, and no byte is lost.
TEST_P(leased_reads, all_that_is_lent_is_the_limit) {
    auto body = [&]() -> task<result<void>> {
        streams ends = co_await ok(unix_stream::pair());
        std::vector<leased_buffer> held;
        for (std::uint32_t i = 0; i < leased_buffer::limit; ++i) {
            std::byte one[] = {static_cast<std::byte>(i)};
            co_await ok(ends.second.write_all(one));
            held.push_back(co_await ok(ends.first.read_leased()));
        }
        for (std::uint32_t i = 0; i < held.size(); ++i) {
            EXPECT_EQ(held[i].size(), 1u);
            EXPECT_EQ(held[i].data()[0], static_cast<std::byte>(i));
        }
        // While nothing has come, it waits as ever.
        auto nothing = co_await timeout(2ms, ends.first.read_leased());
        EXPECT_TRUE(!nothing && nothing.error() == errc::timed_out);
        co_await ok(ends.second.write_all(bytes_of("x")));
        auto refused = co_await ends.first.read_leased();
        EXPECT_TRUE(!refused && refused.error() == errc::limit_exceeded);
        // From elsewhere they come home, too.
        std::thread([&] { held.pop_back(); }).join();
        leased_buffer bytes = co_await ok(ends.first.read_leased());
        EXPECT_EQ(text_of(bytes.bytes()), "x");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(leased_reads, a_buffer_outlives_its_runtime) {
    leased_buffer kept;
    auto body = [&]() -> task<result<void>> {
        streams ends = co_await ok(unix_stream::pair());
        co_await ok(ends.second.write_all(bytes_of("kept")));
        kept = co_await ok(ends.first.read_leased());
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_EQ(text_of(kept.bytes()), "kept");
}

// The stop and the bytes race; either wins, every byte is read once, and what was lent and not wanted goes home.
TEST_P(leased_reads, that_race_with_their_stop_lose_no_byte) {
    auto body = [&]() -> task<result<void>> {
        streams ends = co_await ok(unix_stream::pair());
        std::string sent, got;
        for (int i = 0; i < 400; ++i) {
            std::string one(1, static_cast<char>('a' + i % 26));
            sent += one;
            auto write = [&]() -> task<result<void>> {
                co_await ok(sleep_for(std::chrono::microseconds(i % 40 * 5)));
                co_await ok(ends.second.write_all(bytes_of(one)));
                co_return {};
            };
            auto read = [&]() -> task<result<void>> {
                auto bytes = co_await timeout(100us, ends.first.read_leased());
                if (bytes) got += text_of(bytes->bytes());
                co_return {};
            };
            co_await ok(when_all(read(), write()));
        }
        ends.second.close();
        for (;;) {
            leased_buffer bytes = co_await ok(ends.first.read_leased());
            if (bytes.empty()) break;
            got += text_of(bytes.bytes());
        }
        EXPECT_EQ(got, sent);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(leased_reads, many_that_wait_are_stopped_with_the_runtime) {
    auto body = [&]() -> task<result<void>> {
        std::vector<streams> all;
        for (int i = 0; i < 100; ++i) all.push_back(co_await ok(unix_stream::pair()));
        auto wait = [&](streams& s) -> task<> {
            auto bytes = co_await s.first.read_leased();
            EXPECT_TRUE(!bytes && bytes.error() == errc::cancelled);
        };
        auto group = [&](scope& s) -> task<result<void>> {
            for (streams& p : all) s.spawn(wait(p));
            co_await ok(sleep_for(1ms));
            s.request_stop();
            co_return {};
        };
        co_await ok(with_scope(group));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Lent on one worker, given back on others.
TEST_P(leased_reads, go_home_across_workers) {
    auto body = [&]() -> task<result<void>> {
        auto pass_on = [](leased_buffer bytes) -> task<> {
            co_await yield();
            EXPECT_EQ(bytes.size(), 64u);
        };
        auto talk = [&](streams ends, scope& s) -> task<result<void>> {
            std::vector<std::byte> message = pattern(64);
            for (int i = 0; i < 300; ++i) {
                co_await ok(ends.second.write_all(message));
                leased_buffer bytes = co_await ok(ends.first.read_leased());
                s.spawn(pass_on(std::move(bytes)));
                if (i % 16 == 0) co_await ok(sleep_for(10us));
            }
            co_return {};
        };
        auto group = [&](scope& s) -> task<result<void>> {
            for (int i = 0; i < 8; ++i) {
                streams ends = co_await ok(unix_stream::pair());
                s.spawn(talk(std::move(ends), s));
            }
            co_return {};
        };
        co_await ok(with_scope(group));
        co_return {};
    };
    auto r = run(body(), 3);
    CHECK_OK(r);
}

} // namespace
} // namespace weft
