#include <weft/io/udp.hpp>

#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(udp);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

TEST_P(udp, datagrams_carry_their_sender) {
    auto body = [&]() -> task<result<void>> {
        udp_socket a = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        udp_socket b = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        endpoint at_a = co_await ok(a.local());
        endpoint at_b = co_await ok(b.local());
        std::array<std::byte, 64> buffer;
        auto receive = [&]() -> task<result<void>> {
            auto d = co_await b.receive_from(buffer);
            CHECK_OK(d);
            EXPECT_EQ(d->from, at_a);
            EXPECT_EQ(text_of(std::span(buffer).first(d->size)), "hello");
            EXPECT_FALSE(d->truncated);
            co_return {};
        };
        auto send = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(a.send_to(bytes_of("hello"), at_b));
            co_return {};
        };
        co_await ok(when_all(receive(), send()));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(udp, boundaries_stay_and_a_long_datagram_is_cut) {
    auto body = [&]() -> task<result<void>> {
        udp_socket a = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        udp_socket b = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        endpoint at_b = co_await ok(b.local());
        co_await ok(a.send_to(bytes_of("one"), at_b));
        co_await ok(a.send_to(bytes_of(""), at_b));
        co_await ok(a.send_to(bytes_of("three and more"), at_b));
        std::array<std::byte, 5> buffer;
        auto d = co_await b.receive_from(buffer);
        EXPECT_TRUE(d && d->size == 3 && !d->truncated);
        d = co_await b.receive_from(buffer);
        EXPECT_TRUE(d && d->size == 0 && !d->truncated);
        d = co_await b.receive_from(buffer);
        EXPECT_TRUE(d && d->size == 5 && d->truncated);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(udp, connected_sockets_hear_their_peer_only) {
    auto body = [&]() -> task<result<void>> {
        udp_socket a = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        udp_socket b = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        udp_socket stranger = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        endpoint at_a = co_await ok(a.local());
        endpoint at_b = co_await ok(b.local());
        co_await ok(a.connect(at_b));
        co_await ok(b.connect(at_a));
        co_await ok(stranger.send_to(bytes_of("psst"), at_b));
        co_await ok(a.send(bytes_of("friend")));
        std::array<std::byte, 64> buffer;
        std::size_t n = co_await ok(b.receive(buffer));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "friend");
        endpoint peer = co_await ok(b.peer());
        EXPECT_EQ(peer, at_a);
        auto nothing = co_await timeout(5ms, b.receive(buffer));
        EXPECT_TRUE(!nothing && nothing.error() == errc::timed_out);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(udp, a_peer_that_is_gone_and_a_datagram_that_is_too_long_are_errors) {
    auto body = [&]() -> task<result<void>> {
        udp_socket a = co_await ok(udp_socket::bind(endpoint::loopback(0)));
        endpoint gone;
        {
            udp_socket b = co_await ok(udp_socket::bind(endpoint::loopback(0)));
            gone = co_await ok(b.local());
        }
        std::vector<std::byte> big(70'000);
        auto long_one = co_await a.send_to(big, gone);
        EXPECT_TRUE(!long_one && long_one.error() == errc::message_too_large);
        co_await ok(a.connect(gone));
        co_await ok(a.send(bytes_of("x")));
        std::array<std::byte, 4> buffer;
        auto r = co_await a.receive(buffer);
        EXPECT_TRUE(!r && r.error() == errc::connection_refused);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
