#include <weft/io/unix.hpp>

#include <weft/io/pipe.hpp>
#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(unix_sockets);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

TEST_P(unix_sockets, streams_through_a_path_and_an_abstract_name) {
    scratch_folder folder;
    std::string name = "weft-io-test-" + std::to_string(::getpid());
    auto body = [&]() -> task<result<void>> {
        for (std::string_view path : {std::string_view(folder.path()), std::string_view()}) {
            std::string text = path.empty() ? "unix:@" + name : "unix:" + std::string(path) + "/s";
            endpoint at = co_await ok(endpoint::parse(text));
            unix_listener listener = co_await ok(unix_listener::bind(at));
            unix_stream client = co_await ok(unix_stream::connect(at));
            unix_stream server = co_await ok(listener.accept());
            endpoint told = co_await ok(client.peer());
            EXPECT_EQ(told, at);
            co_await ok(client.write_all(bytes_of("hello")));
            std::array<std::byte, 16> buffer;
            std::size_t n = co_await ok(server.read_some(buffer));
            EXPECT_EQ(n, 5u);
            auto again = unix_listener::bind(at);
            EXPECT_TRUE(!again && again.error() == errc::address_in_use);
        }
        endpoint nowhere = co_await ok(endpoint::unix_path(folder / "nowhere"));
        auto r = co_await unix_stream::connect(nowhere);
        EXPECT_TRUE(!r && r.error() == errc::not_found);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(unix_sockets, datagrams) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        endpoint at = co_await ok(endpoint::unix_path(folder / "d"));
        unix_datagram server = co_await ok(unix_datagram::bind(at));
        unix_datagram client = co_await ok(unix_datagram::unbound());
        co_await ok(client.send_to(bytes_of("one"), at));
        std::array<std::byte, 16> buffer;
        auto d = co_await server.receive_from(buffer);
        EXPECT_TRUE(d && d->size == 3 && d->from == endpoint());
        auto [left, right] = co_await ok(unix_datagram::pair());
        co_await ok(left.send(bytes_of("two")));
        std::size_t n = co_await ok(right.receive(buffer));
        EXPECT_EQ(n, 3u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(unix_sockets, descriptors_travel) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        auto [reader, writer] = co_await ok(make_pipe());
        const descriptor* sent[] = {&reader.handle(), &writer.handle()};
        std::size_t n = co_await ok(a.send_with_descriptors(bytes_of("two of them"), sent));
        EXPECT_EQ(n, 11u);
        std::array<std::byte, 64> buffer;
        std::array<descriptor, 4> got;
        auto r = co_await b.receive_with_descriptors(buffer, got);
        CHECK_OK(r);
        EXPECT_EQ(r->size, 11u);
        EXPECT_EQ(r->descriptors, 2u);
        EXPECT_FALSE(r->truncated);
        pipe_reader other_reader(std::move(got[0]));
        co_await ok(writer.write_all(bytes_of("through")));
        n = co_await ok(other_reader.read_some(buffer));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "through");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(unix_sockets, descriptors_without_room_are_closed) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        auto [reader, writer] = co_await ok(make_pipe());
        const descriptor* sent[] = {&reader.handle(), &writer.handle(), &reader.handle()};
        std::array<std::byte, 64> buffer;
        std::array<descriptor, 1> got;
        co_await ok(a.send_with_descriptors(bytes_of("x"), sent));
        auto r = co_await b.receive_with_descriptors(buffer, got);
        EXPECT_TRUE(r && r->descriptors == 1 && r->truncated);
        // A plain read takes the bytes, and the host closes what came along.
        co_await ok(a.send_with_descriptors(bytes_of("y"), sent));
        std::size_t n = co_await ok(b.read_some(buffer));
        EXPECT_EQ(n, 1u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(unix_sockets, too_many_descriptors_or_no_bytes_are_refused) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        std::array<const descriptor*, 17> many;
        many.fill(&a.handle());
        auto r = co_await a.send_with_descriptors(bytes_of("x"), many);
        EXPECT_TRUE(!r && r.error() == errc::invalid_argument);
        r = co_await a.send_with_descriptors({}, std::span(many).first(1));
        EXPECT_TRUE(!r && r.error() == errc::invalid_argument);
        r = co_await a.send_with_descriptors(bytes_of("x"), std::span(many).first(16));
        CHECK_OK(r);
        std::array<std::byte, 8> buffer;
        std::array<descriptor, 16> got;
        auto all = co_await b.receive_with_descriptors(buffer, got);
        EXPECT_TRUE(all && all->descriptors == 16 && !all->truncated);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(unix_sockets, a_cancelled_receive_leaks_no_descriptor) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        int received = 0;
        for (int i = 0; i < 200; ++i) {
            std::array<std::byte, 8> buffer;
            std::array<descriptor, 2> got;
            // The message and the stop come at about the same time.
            auto receive = [&, &b = b]() -> task<result<void>> {
                auto r =
                    co_await timeout(std::chrono::microseconds(i), b.receive_with_descriptors(buffer, got));
                received += r.has_value();
                EXPECT_TRUE(r || r.error() == errc::timed_out);
                EXPECT_EQ(static_cast<bool>(got[0]), r.has_value());
                co_return {};
            };
            auto send = [&, &a = a]() -> task<result<void>> {
                const descriptor* one[] = {&a.handle()};
                co_await ok(sleep_for(100us));
                co_await ok(a.send_with_descriptors(bytes_of("x"), one));
                co_return {};
            };
            co_await ok(when_all(receive(), send()));
            if (!got[0]) {
                auto late = co_await b.receive_with_descriptors(buffer, got);
                EXPECT_TRUE(late && late->descriptors == 1);
            }
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// A read of a Unix stream stops where descriptors were attached, so that a short read does not mean an empty socket.
TEST_P(unix_sockets, a_short_read_before_descriptors_does_not_stall) {
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        const descriptor* one[] = {&a.handle()};
        std::array<std::byte, 64> buffer;
        auto early =
            co_await timeout(2ms, b.read_some(buffer)); // now it is registered, and known to be empty
        EXPECT_FALSE(early);
        co_await ok(a.write_all(bytes_of("plain")));
        co_await ok(a.send_with_descriptors(bytes_of("with"), one));
        co_await ok(a.write_all(bytes_of("plain")));
        for (std::size_t total = 0; total < 14;) {
            auto n = co_await timeout(1s, b.read_some(buffer));
            CHECK_OK(n);
            if (!n) break;
            total += *n;
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
