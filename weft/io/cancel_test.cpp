// Every operation of the io room is stopped: before it starts, while it waits, and at about the moment when it finishes.
#include <weft/io/directory.hpp>
#include <weft/io/file.hpp>
#include <weft/io/pipe.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/testing.hpp>
#include <weft/io/udp.hpp>
#include <weft/io/unix.hpp>
#include <weft/io/user_event.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(cancelling);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()
#define CHECK_TIMED_OUT(expression)                                                                          \
    do {                                                                                                     \
        auto gave_up = co_await timeout(1ms, expression);                                                    \
        EXPECT_TRUE(!gave_up && gave_up.error() == errc::timed_out) << #expression;                          \
    } while (0)

TEST_P(cancelling, what_waits_gives_in) {
    auto body = [&]() -> task<result<void>> {
        std::array<std::byte, 64> buffer;
        std::array<mutable_buffer, 1> vector{mutable_buffer(buffer)};
        std::array<descriptor, 1> descriptors;

        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        CHECK_TIMED_OUT(listener.accept());
        endpoint at = co_await ok(listener.local());
        tcp_stream client = co_await ok(tcp_stream::connect(at));
        tcp_stream server = co_await ok(listener.accept());
        CHECK_TIMED_OUT(server.read_some(buffer));
        CHECK_TIMED_OUT(server.read_exact(buffer));
        CHECK_TIMED_OUT(server.read_some(vector));
        std::vector<std::byte> much(64 << 20);
        CHECK_TIMED_OUT(server.write_all(much)); // the other end does not read
        for (;;) {
            auto full = co_await timeout(1ms, server.write_some(much));
            if (!full) break;
        }
        CHECK_TIMED_OUT(server.write_some(much));
        std::array<const_buffer, 1> out{const_buffer(much)};
        CHECK_TIMED_OUT(server.write_all(std::span<const_buffer>(out)));

        udp_socket udp = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        CHECK_TIMED_OUT(udp.receive_from(buffer));
        CHECK_TIMED_OUT(udp.receive(buffer));

        auto [a, b] = co_await ok(unix_stream::pair());
        CHECK_TIMED_OUT(a.read_some(buffer));
        CHECK_TIMED_OUT(a.receive_with_descriptors(buffer, descriptors));

        auto [reader, writer] = co_await ok(make_pipe());
        CHECK_TIMED_OUT(reader.read_some(buffer));
        CHECK_TIMED_OUT(reader.read_exact(buffer));
        CHECK_TIMED_OUT(reader.read_some(vector));
        CHECK_TIMED_OUT(writer.write_all(much));

        user_event event = co_await ok(user_event::make());
        CHECK_TIMED_OUT(event.wait());

        // All of them still work.
        event.trigger();
        co_await ok(event.wait());
        co_await ok(b.write_all(bytes_of("x")));
        co_await ok(a.read_some(buffer));
        co_await ok(client.write_all(bytes_of("y")));
        std::size_t n = co_await ok(server.read_some(buffer));
        EXPECT_EQ(n, 1u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, a_connect_that_nobody_answers_gives_in) {
    auto body = [&]() -> task<result<void>> {
        // A listener with a full backlog answers no more.
        listen_options small;
        small.backlog = 0;
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0), small));
        endpoint at = co_await ok(listener.local());
        std::vector<tcp_stream> fill;
        bool gave_in = false;
        for (int i = 0; i < 10 && !gave_in; ++i) {
            auto c = co_await timeout(20ms, tcp_stream::connect(at));
            if (c)
                fill.push_back(std::move(*c));
            else
                gave_in = c.error() == errc::timed_out;
        }
        EXPECT_TRUE(gave_in);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, a_stopped_task_starts_nothing) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        stop_source source;
        source.request_stop();
        auto [reader, writer] = co_await ok(make_pipe());
        co_await ok(writer.write_all(bytes_of("data")));
        std::array<std::byte, 8> buffer;
        auto read = co_await until(source.token(), reader.read_some(buffer));
        EXPECT_TRUE(!read && read.error() == errc::cancelled);
        auto write = co_await until(source.token(), writer.write_all(bytes_of("more")));
        EXPECT_TRUE(!write && write.error() == errc::cancelled);
        std::string path = folder / "a";
        auto open = co_await until(source.token(), file::open(path, open_mode::write | open_mode::create));
        EXPECT_TRUE(!open && open.error() == errc::cancelled);
        EXPECT_FALSE(std::filesystem::exists(path));
        auto connect = co_await until(source.token(), tcp_stream::connect(endpoint::loopback(1)));
        EXPECT_TRUE(!connect && connect.error() == errc::cancelled);
        std::size_t n = co_await ok(reader.read_some(buffer)); // nothing was taken, nothing was added
        EXPECT_EQ(n, 4u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// The stop and the outcome race; either wins, and nothing is lost: every byte that was sent is read once.
TEST_P(cancelling, a_read_that_races_with_its_stop_loses_no_byte) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        tcp_stream client = co_await ok(tcp_stream::connect(at));
        tcp_stream server = co_await ok(listener.accept());
        constexpr std::size_t total = 2000;
        std::size_t stopped = 0;
        auto send = [&]() -> task<result<void>> {
            for (std::size_t i = 0; i < total; ++i) {
                std::array<std::byte, 1> one{static_cast<std::byte>(i)};
                co_await ok(client.write_all(one));
                if (i % 4 == 0) co_await ok(sleep_for(std::chrono::microseconds(i % 60)));
            }
            co_return {};
        };
        auto receive = [&]() -> task<result<void>> {
            std::array<std::byte, 16> buffer;
            for (std::size_t got = 0; got < total;) {
                auto n = co_await timeout(std::chrono::microseconds(got % 50), server.read_some(buffer));
                if (!n) {
                    EXPECT_EQ(n.error(), errc::timed_out);
                    ++stopped;
                    continue;
                }
                for (std::size_t i = 0; i < *n; ++i) EXPECT_EQ(buffer[i], static_cast<std::byte>(got + i));
                got += *n;
            }
            co_return {};
        };
        co_await ok(when_all(send(), receive()));
        EXPECT_GT(stopped, 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// An accepted socket and an opened file are yielded or closed, never lost: the fixture counts the descriptors.
TEST_P(cancelling, accepts_that_race_with_their_stop_leak_nothing) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        int accepted = 0;
        constexpr int total = 300;
        auto connect = [&]() -> task<result<void>> {
            for (int i = 0; i < total; ++i) {
                tcp_stream s = co_await ok(tcp_stream::connect(at));
                co_await ok(sleep_for(std::chrono::microseconds(i % 70)));
            }
            co_return {};
        };
        auto accept = [&]() -> task<result<void>> {
            for (int i = 0; accepted < total; ++i) {
                auto s = co_await timeout(std::chrono::microseconds(i % 90), listener.accept());
                accepted += s.has_value();
            }
            co_return {};
        };
        co_await ok(when_all(connect(), accept()));
        EXPECT_EQ(accepted, total); // no connection was accepted and then lost
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, connects_that_race_with_their_stop_leak_nothing) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        for (int i = 0; i < 300; ++i) {
            auto s = co_await timeout(std::chrono::microseconds(i % 30), tcp_stream::connect(at));
            EXPECT_TRUE(s || s.error() == errc::timed_out);
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, files_that_race_with_their_stop_leak_nothing) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a", other = folder / "b";
        file f = co_await ok(file::open(path, open_mode::read | open_mode::write | open_mode::create));
        std::vector<std::byte> data(1 << 16);
        for (int i = 0; i < 200; ++i) {
            auto limit = std::chrono::microseconds(i % 40);
            auto opened = co_await timeout(limit, file::open(path));
            EXPECT_TRUE(opened || opened.error() == errc::timed_out);
            auto listed = co_await timeout(limit, directory::open(folder.path()));
            EXPECT_TRUE(listed || listed.error() == errc::timed_out);
            auto written = co_await timeout(limit, f.write_all_at(data, 0));
            EXPECT_TRUE(written || written.error() == errc::timed_out);
            auto read = co_await timeout(limit, f.read_at(data, 0));
            EXPECT_TRUE(read || read.error() == errc::timed_out);
            auto synced = co_await timeout(limit, f.sync());
            EXPECT_TRUE(synced || synced.error() == errc::timed_out);
            auto cut = co_await timeout(limit, f.truncate(100));
            EXPECT_TRUE(cut || cut.error() == errc::timed_out);
            auto size = co_await timeout(limit, f.size());
            EXPECT_TRUE(size || size.error() == errc::timed_out);
            auto renamed = co_await timeout(limit, rename(path, other));
            EXPECT_EQ(renamed.has_value(), !std::filesystem::exists(path)); // all or nothing, and told
            if (renamed) co_await ok(rename(other, path));
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, closing_is_not_prevented) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        stop_source source;
        source.request_stop();
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, open_mode::write | open_mode::create));
        auto closed = co_await until(source.token(), f.close());
        CHECK_OK(closed);
        EXPECT_FALSE(f);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(cancelling, of_several_waiters_only_the_one) {
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::string heard;
        auto read = [&, &reader = reader](char name, std::chrono::milliseconds limit) -> task<result<void>> {
            std::array<std::byte, 1> one;
            auto r = co_await timeout(limit, reader.read_exact(one));
            heard += name;
            heard += r ? text_of(one) : "-";
            co_return {};
        };
        auto write = [&, &writer = writer]() -> task<result<void>> {
            co_await ok(sleep_for(30ms));
            co_await ok(writer.write_all(bytes_of("123")));
            co_return {};
        };
        co_await ok(when_all(read('a', 5s), read('b', 5ms), read('c', 5s), read('d', 5s), write()));
        EXPECT_EQ(heard, "b-a1c2d3");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Wherever it stands when the stop comes, on whichever worker.
TEST_P(cancelling, across_workers) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        for (int round = 0; round < 20; ++round) {
            auto client = [&](int i) -> task<result<void>> {
                tcp_stream s = co_await ok(tcp_stream::connect(at));
                std::array<std::byte, 32> buffer{};
                for (int k = 0; k < i; ++k) {
                    co_await ok(s.write_all(buffer));
                    co_await yield();
                }
                co_await ok(s.read_exact(buffer)); // for ever
                co_return {};
            };
            auto all = [&](scope& s) -> task<result<void>> {
                for (int i = 0; i < 16; ++i) s.spawn(client(i));
                for (int i = 0; i < 16; ++i) {
                    auto peer = co_await listener.accept();
                    if (!peer) co_return failure(peer.error());
                }
                co_await ok(sleep_for(10s));
                co_return {};
            };
            auto clients = with_scope(all);
            auto r = co_await timeout(std::chrono::microseconds(200 * round), clients);
            EXPECT_FALSE(r);
        }
        co_return {};
    };
    auto r = run(body(), 3);
    CHECK_OK(r);
}

} // namespace
} // namespace weft
