#include <algorithm>
#include <atomic>

#include <weft/io/tcp.hpp>

#include <sys/resource.h>

#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(tcp);

struct connected_pair {
    connected_pair() noexcept {}
    tcp_stream client;
    tcp_stream server;
};

task<result<connected_pair>> connect_two() {
    tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
    endpoint at = co_await ok(listener.local());
    connected_pair pair;
    pair.client = co_await ok(tcp_stream::connect(at));
    pair.server = co_await ok(listener.accept());
    co_return std::move(pair);
}

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

TEST_P(tcp, bytes_go_both_ways) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 64> buffer;
        std::size_t sent = co_await ok(p.client.write_all(bytes_of("hello")));
        EXPECT_EQ(sent, 5u);
        std::size_t n = co_await ok(p.server.read_some(buffer));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "hello");
        co_await ok(p.server.write_all(bytes_of("and back")));
        n = co_await ok(p.client.read_exact(std::span(buffer).first(8)));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "and back");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, endpoints_are_told) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        endpoint a = co_await ok(p.client.local());
        endpoint b = co_await ok(p.server.peer());
        endpoint c = co_await ok(p.client.peer());
        endpoint d = co_await ok(p.server.local());
        EXPECT_EQ(a, b);
        EXPECT_EQ(c, d);
        EXPECT_NE(a, c);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, ipv6) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback6(0)));
        endpoint at = co_await ok(listener.local());
        tcp_stream client = co_await ok(tcp_stream::connect(at));
        tcp_stream server = co_await ok(listener.accept());
        co_await ok(server.write_all(bytes_of("six")));
        std::array<std::byte, 3> buffer;
        co_await ok(client.read_exact(buffer));
        EXPECT_EQ(text_of(buffer), "six");
        co_return {};
    };
    auto r = run(body());
    if (!r && (r.error() == errc::address_not_available || r.error() == errc::not_supported)) GTEST_SKIP();
    CHECK_OK(r);
}

TEST_P(tcp, options_hold) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        int client_no_delay = co_await ok(p.client.get(socket_option::no_delay));
        int server_no_delay = co_await ok(p.server.get(socket_option::no_delay));
        EXPECT_EQ(client_no_delay, 1);
        EXPECT_EQ(server_no_delay, 1);
        co_await ok(p.client.set_no_delay(false));
        client_no_delay = co_await ok(p.client.get(socket_option::no_delay));
        EXPECT_EQ(client_no_delay, 0);
        co_await ok(p.client.set_keep_alive(true));
        co_await ok(p.client.set(socket_option::keep_alive_idle, 30));
        int idle = co_await ok(p.client.get(socket_option::keep_alive_idle));
        EXPECT_EQ(idle, 30);
        co_await ok(p.client.set(socket_option::linger, 3));
        int linger = co_await ok(p.client.get(socket_option::linger));
        EXPECT_EQ(linger, 3);
        co_await ok(p.client.set(socket_option::linger, -1));
        linger = co_await ok(p.client.get(socket_option::linger));
        EXPECT_EQ(linger, -1);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, a_port_in_use_is_an_error_and_can_be_shared_on_wish) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener first = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(first.local());
        auto second = tcp_listener::bind(at);
        EXPECT_TRUE(!second && second.error() == errc::address_in_use);
        listen_options shared;
        shared.reuse_port = true;
        tcp_listener third = co_await ok(tcp_listener::bind(endpoint::loopback(0), shared));
        endpoint both = co_await ok(third.local());
        tcp_listener fourth = co_await ok(tcp_listener::bind(both, shared));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, a_refused_connection_is_an_error) {
    auto body = [&]() -> task<result<void>> {
        endpoint at;
        {
            tcp_listener gone = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
            at = co_await ok(gone.local());
        }
        auto r = co_await tcp_stream::connect(at);
        EXPECT_TRUE(!r && r.error() == errc::connection_refused);
        auto none = co_await tcp_stream::connect(endpoint());
        EXPECT_TRUE(!none && none.error() == errc::invalid_argument);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, a_closed_peer_reads_as_zero_again_and_again) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        co_await ok(p.client.write_all(bytes_of("last words")));
        p.client.close();
        std::array<std::byte, 64> buffer;
        std::size_t n = co_await ok(p.server.read_some(buffer));
        EXPECT_EQ(n, 10u);
        for (int i = 0; i < 3; ++i) {
            n = co_await ok(p.server.read_some(buffer));
            EXPECT_EQ(n, 0u);
        }
        auto r = co_await p.server.read_exact(buffer);
        EXPECT_TRUE(!r && r.error() == errc::end_of_file);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, half_close_leaves_the_other_direction_open) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        co_await ok(p.client.write_all(bytes_of("question")));
        co_await ok(p.client.shutdown_output());
        std::array<std::byte, 64> buffer;
        std::size_t n = co_await ok(p.server.read_some(buffer));
        EXPECT_EQ(n, 8u);
        n = co_await ok(p.server.read_some(buffer));
        EXPECT_EQ(n, 0u);
        co_await ok(p.server.write_all(bytes_of("answer")));
        n = co_await ok(p.client.read_some(buffer));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "answer");
        auto refused = co_await p.client.write_all(bytes_of("more"));
        EXPECT_TRUE(!refused && refused.error() == errc::broken_pipe);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, a_reset_ends_a_read_that_waits) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        result<std::size_t> n;
        auto read = [&]() -> task<result<void>> {
            std::array<std::byte, 64> buffer;
            n = co_await p.server.read_some(buffer);
            co_return {};
        };
        auto reset = [&]() -> task<result<void>> {
            co_await ok(sleep_for(5ms));
            co_await ok(p.client.set(socket_option::linger, 0)); // closing sends a reset
            p.client.close();
            co_return {};
        };
        co_await ok(when_all(read(), reset()));
        EXPECT_TRUE(!n && n.error() == errc::connection_reset);
        auto write = co_await p.server.write_all(bytes_of("anybody?"));
        EXPECT_TRUE(!write && write.error() == errc::broken_pipe); // and no signal
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, shutdown_ends_reads_that_wait) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        auto read = [&]() -> task<result<std::size_t>> {
            std::array<std::byte, 64> buffer;
            auto n = co_await p.server.read_some(buffer);
            co_return n;
        };
        auto end = [&]() -> task<result<void>> {
            co_await ok(sleep_for(5ms));
            co_await ok(p.server.shutdown());
            co_return {};
        };
        auto both = co_await ok(when_all(read(), end()));
        EXPECT_EQ(std::get<0>(both), 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, big_transfers_arrive_whole) {
    const std::vector<std::byte> sent = pattern(24 << 20);
    std::vector<std::byte> received(sent.size());
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        auto send = [&]() -> task<result<std::size_t>> {
            auto n = co_await p.client.write_all(sent);
            co_return n;
        };
        auto receive = [&]() -> task<result<std::size_t>> {
            auto n = co_await p.server.read_exact(received);
            co_return n;
        };
        auto both = co_await ok(when_all(send(), receive()));
        EXPECT_EQ(std::get<0>(both), sent.size());
        EXPECT_EQ(std::get<1>(both), sent.size());
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_TRUE(sent == received);
}

TEST_P(tcp, vectored_transfers_arrive_whole) {
    const std::vector<std::byte> sent = pattern(3 << 20);
    std::vector<std::byte> received(sent.size());
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        auto send = [&]() -> task<result<std::size_t>> {
            std::vector<const_buffer> parts; // more than one system call takes, some of them empty
            std::span<const std::byte> rest = sent;
            for (std::size_t size = 0; !rest.empty(); size = (size + 977) % 3000) {
                std::size_t n = std::min(size, rest.size());
                parts.push_back(rest.first(n));
                rest = rest.subspan(n);
            }
            auto n = co_await p.client.write_all(std::span(parts));
            co_return n;
        };
        auto receive = [&]() -> task<result<std::size_t>> {
            std::size_t done = 0;
            while (done < received.size()) {
                std::span<std::byte> rest = std::span(received).subspan(done);
                std::size_t half = std::min<std::size_t>(rest.size() / 2 + 1, 50'000);
                std::array<mutable_buffer, 2> parts{mutable_buffer(rest.first(half)),
                                                    mutable_buffer(rest.subspan(half))};
                std::size_t n = co_await ok(p.server.read_some(parts));
                if (n == 0) break;
                done += n;
            }
            co_return done;
        };
        auto both = co_await ok(when_all(send(), receive()));
        EXPECT_EQ(std::get<0>(both), sent.size());
        EXPECT_EQ(std::get<1>(both), sent.size());
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_TRUE(sent == received);
}

TEST_P(tcp, several_readers_are_served_in_order) {
    std::string order;
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        auto read = [&](char name) -> task<result<void>> {
            std::array<std::byte, 1> one;
            co_await ok(p.server.read_exact(one));
            order += name;
            order += text_of(one);
            co_return {};
        };
        auto write = [&]() -> task<result<void>> {
            for (const char* c : {"1", "2", "3"}) {
                co_await ok(sleep_for(2ms));
                co_await ok(p.client.write_all(bytes_of(c)));
            }
            co_return {};
        };
        co_await ok(when_all(read('a'), read('b'), read('c'), write()));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_EQ(order, "a1b2c3");
}

TEST_P(tcp, a_stream_ping_pongs_for_a_while) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        constexpr int rounds = 3000;
        auto echo = [&]() -> task<result<void>> {
            std::array<std::byte, 256> buffer;
            for (;;) {
                std::size_t n = co_await ok(p.server.read_some(buffer));
                if (n == 0) co_return {};
                co_await ok(p.server.write_all(std::span(buffer).first(n)));
            }
        };
        auto ask = [&]() -> task<result<int>> {
            std::array<std::byte, 64> out, in;
            int good = 0;
            for (int i = 0; i < rounds; ++i) {
                out.fill(static_cast<std::byte>(i));
                co_await ok(p.client.write_all(out));
                co_await ok(p.client.read_exact(in));
                good += in == out;
            }
            co_await ok(p.client.shutdown_output());
            co_return good;
        };
        auto both = co_await ok(when_all(echo(), ask()));
        EXPECT_EQ(std::get<1>(both), rounds);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// As many connections as the limit on descriptors allows, up to 4,000, all open and talking at the same time.
TEST_P(tcp, thousands_of_connections) {
    rlimit limit;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit raised = limit;
    // The numbers of descriptors that select() can wait for end at 1,024.
    raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, is("select") ? 1000 : 9000);
    ::setrlimit(RLIMIT_NOFILE, &raised);
    const std::size_t count = std::min<std::size_t>(4000, (raised.rlim_cur - 100) / 2);
    std::size_t echoed = 0;
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        auto one_server = [&](tcp_stream s) -> task<result<void>> {
            std::array<std::byte, 16> buffer;
            for (;;) {
                std::size_t n = co_await ok(s.read_some(buffer));
                if (n == 0) co_return {};
                co_await ok(s.write_all(std::span(buffer).first(n)));
            }
        };
        std::vector<tcp_stream> clients(count);
        auto serve = [&](scope& s) -> task<result<void>> {
            for (std::size_t i = 0; i < count; ++i) {
                tcp_stream peer = co_await ok(listener.accept());
                s.spawn(one_server(std::move(peer)));
            }
            co_return {};
        };
        auto server = [&]() -> task<result<void>> {
            auto r = co_await with_scope(serve);
            co_return r;
        };
        auto client = [&]() -> task<result<void>> {
            for (auto& c : clients) c = co_await ok(tcp_stream::connect(at));
            std::array<std::byte, 16> out, in;
            out.fill(std::byte{42});
            for (auto& c : clients) co_await ok(c.write_all(out));
            for (auto& c : clients) {
                co_await ok(c.read_exact(in));
                echoed += in == out;
                c.close();
            }
            co_return {};
        };
        co_await ok(when_all(server(), client()));
        co_return {};
    };
    auto r = run(body());
    ::setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_OK(r);
    EXPECT_EQ(echoed, count);
}

TEST_P(tcp, accept_without_descriptors_is_an_error_and_recovers) {
    rlimit limit;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        tcp_stream first = co_await ok(tcp_stream::connect(at));
        tcp_stream warm = co_await ok(listener.accept()); // whatever is made lazily is there now
        tcp_stream client = co_await ok(tcp_stream::connect(at));
        rlimit none = limit;
        none.rlim_cur = static_cast<rlim_t>(client.handle().native()) + 1;
        ::setrlimit(RLIMIT_NOFILE, &none);
        auto refused = co_await listener.accept();
        ::setrlimit(RLIMIT_NOFILE, &limit);
        EXPECT_TRUE(!refused && refused.error() == errc::too_many_files);
        tcp_stream server = co_await ok(listener.accept()); // the connection has waited
        co_await ok(server.write_all(bytes_of("x")));
        std::array<std::byte, 1> one;
        co_await ok(client.read_exact(one));
        co_return {};
    };
    auto r = run(body());
    ::setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_OK(r);
}

TEST_P(tcp, works_across_workers) {
    auto body = [&]() -> task<result<void>> {
        tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
        endpoint at = co_await ok(listener.local());
        constexpr int clients = 40, rounds = 50;
        auto one_server = [&](tcp_stream s) -> task<result<void>> {
            std::array<std::byte, 64> buffer;
            for (;;) {
                std::size_t n = co_await ok(s.read_some(buffer));
                if (n == 0) co_return {};
                co_await ok(s.write_all(std::span(buffer).first(n)));
            }
        };
        auto one_client = [&]() -> task<result<void>> {
            tcp_stream s = co_await ok(tcp_stream::connect(at));
            std::array<std::byte, 64> out{}, in;
            for (int i = 0; i < rounds; ++i) {
                co_await ok(s.write_all(out));
                co_await ok(s.read_exact(in));
                co_await yield();
            }
            co_return {};
        };
        auto all = [&](scope& s) -> task<result<void>> {
            for (int i = 0; i < clients; ++i) s.spawn(one_client());
            for (int i = 0; i < clients; ++i) {
                tcp_stream peer = co_await ok(listener.accept());
                s.spawn(one_server(std::move(peer)));
            }
            co_return {};
        };
        auto r = co_await with_scope(all);
        co_return r;
    };
    auto r = run(body(), 3);
    CHECK_OK(r);
}

// A thread a core: each worker has its own listener on the one port, and its own connections, which stay.
TEST_P(tcp, each_worker_has_its_own_listener) {
    constexpr std::size_t workers = 3, clients = 60;
    std::array<std::atomic<std::size_t>, workers> served{};
    std::atomic<std::size_t> strayed{0};
    runtime_options options;
    options.threads = workers;
    options.mode = worker_mode::pinned;
    options.io = GetParam();
    runtime all(options);
    auto answer = [&](tcp_stream peer, std::size_t i) -> task<> {
        std::array<std::byte, 8> buffer;
        auto n = co_await peer.read_some(buffer);
        if (n) (void)co_await peer.write_all(std::span(buffer).first(*n));
        if (port::current() != &all.worker(i)) ++strayed;
        ++served[i];
    };
    auto serve = [&](tcp_listener listener, std::size_t i) -> task<result<void>> {
        auto accept_all = [&](scope& s) -> task<result<void>> {
            for (;;) {
                tcp_stream peer = co_await ok(listener.accept());
                s.spawn(answer(std::move(peer), i));
            }
        };
        co_return co_await with_scope(accept_all);
    };
    auto body = [&]() -> task<result<void>> {
        listen_options shared;
        shared.reuse_port = true;
        tcp_listener first = co_await ok(tcp_listener::bind(endpoint::loopback(0), shared));
        endpoint at = co_await ok(first.local());
        co_await ok(all.spawn_on(0, serve(std::move(first), 0)));
        for (std::size_t i = 1; i < workers; ++i) {
            tcp_listener another = co_await ok(tcp_listener::bind(at, shared));
            co_await ok(all.spawn_on(i, serve(std::move(another), i)));
        }
        for (std::size_t i = 0; i < clients; ++i) {
            tcp_stream client = co_await ok(tcp_stream::connect(at));
            std::array<std::byte, 5> buffer;
            co_await ok(client.write_all(bytes_of("hello")));
            co_await ok(client.read_exact(buffer));
            EXPECT_EQ(text_of(buffer), "hello");
        }
        co_return {};
    };
    auto r = all.run(body());
    CHECK_OK(r);
    EXPECT_EQ(strayed.load(), 0u);
    std::size_t sum = 0, busy = 0;
    for (auto& n : served) {
        sum += n.load();
        busy += n.load() != 0;
    }
    EXPECT_EQ(sum, clients);
    EXPECT_GE(busy, 2u); // the system hands them out by their addresses
}

// Readers and writers of one connection are on several workers, change them, and wait, all at once.
TEST_P(tcp, both_directions_are_full_on_several_workers) {
    constexpr std::size_t streams = 6, bytes = 400'000;
    const std::vector<std::byte> sent = pattern(bytes);
    auto write = [&](tcp_stream& to) -> task<result<void>> {
        for (std::size_t at = 0; at < bytes;) {
            std::size_t n = co_await ok(to.write_some(std::span(sent).subspan(at)));
            at += n;
            co_await yield();
        }
        co_return {};
    };
    auto read = [&](tcp_stream& from) -> task<result<void>> {
        std::vector<std::byte> got(bytes);
        for (std::size_t at = 0, i = 0; at < bytes; ++i) {
            std::size_t most = std::min<std::size_t>(bytes - at, i % 3 ? 4096 : 700);
            std::size_t n = co_await ok(from.read_some(std::span(got).subspan(at, most)));
            if (n == 0) co_return failure(errc::end_of_file);
            at += n;
            if (i % 5 == 0) co_await yield();
        }
        EXPECT_TRUE(got == sent);
        co_return {};
    };
    auto body = [&]() -> task<result<void>> {
        std::vector<connected_pair> pairs(streams);
        for (auto& p : pairs) {
            p = co_await ok(connect_two());
            for (tcp_stream* end : {&p.client, &p.server}) {
                co_await ok(end->set(socket_option::send_buffer, 8192));
                co_await ok(end->set(socket_option::receive_buffer, 8192));
            }
        }
        auto all = [&](scope& s) -> task<result<void>> {
            for (auto& p : pairs) {
                s.spawn(write(p.client));
                s.spawn(write(p.server));
                s.spawn(read(p.client));
                s.spawn(read(p.server));
            }
            co_return {};
        };
        co_await ok(with_scope(all));
        co_return {};
    };
    auto r = run(body(), 3);
    CHECK_OK(r);
}

// The second reader, the stop and the hang-up find one that waits by the short way.
TEST_P(tcp, a_short_wait_is_joined_stopped_and_hung_up) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 8> one, two;
        for (int i = 0; i < 3; ++i) {
            auto write = [&](std::string_view what) -> task<result<void>> {
                co_await ok(sleep_for(1ms));
                co_await ok(p.client.write_all(bytes_of(what)));
                co_return {};
            };
            auto later = [&]() -> task<result<std::size_t>> {
                co_await yield();
                std::size_t n = co_await ok(p.server.read_some(two));
                co_return n;
            };
            std::size_t alone = std::get<0>(co_await ok(when_all(p.server.read_some(one), write("a"))));
            EXPECT_EQ(alone, 1u);
            auto stopped = co_await timeout(1ms, p.server.read_some(one));
            EXPECT_TRUE(!stopped && stopped.error() == errc::timed_out);
            auto both = [&]() -> task<result<void>> {
                co_await ok(write("b"));
                co_await ok(write("c"));
                co_return {};
            };
            co_await ok(when_all(p.server.read_some(one), later(), both()));
            EXPECT_EQ(text_of(std::span(one).first(1)), "b");
            EXPECT_EQ(text_of(std::span(two).first(1)), "c");
        }
        auto hang_up = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_return p.client.shutdown_output();
        };
        std::size_t end = std::get<0>(co_await ok(when_all(p.server.read_some(one), hang_up())));
        EXPECT_EQ(end, 0u);
        end = co_await ok(p.server.read_some(one));
        EXPECT_EQ(end, 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// A read that fills its buffer says nothing of what is left: what is there is had at once, and else one waits.
TEST_P(tcp, reads_that_fill_their_buffers) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 4> buffer;
        auto ask = [&](std::string_view what) -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(p.client.write_all(bytes_of(what)));
            co_return {};
        };
        for (int i = 0; i < 3; ++i) {
            std::size_t n = std::get<0>(co_await ok(when_all(p.server.read_some(buffer), ask("1234"))));
            EXPECT_EQ(text_of(std::span(buffer).first(n)), "1234");
            n = std::get<0>(co_await ok(when_all(p.server.read_some(buffer), ask("abcdefghij"))));
            EXPECT_EQ(text_of(std::span(buffer).first(n)), "abcd");
            n = co_await ok(p.server.read_some(buffer));
            EXPECT_EQ(text_of(std::span(buffer).first(n)), "efgh");
            n = co_await ok(p.server.read_some(buffer));
            EXPECT_EQ(text_of(std::span(buffer).first(n)), "ij");
            n = std::get<0>(co_await ok(when_all(p.server.read_some(buffer), ask("1234"))));
            EXPECT_EQ(n, 4u);
            auto stopped = co_await timeout(1ms, p.server.read_some(buffer));
            EXPECT_TRUE(!stopped && stopped.error() == errc::timed_out);
        }
        auto hang_up = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(p.client.write_all(bytes_of("last")));
            co_return p.client.shutdown_output();
        };
        std::size_t n = std::get<0>(co_await ok(when_all(p.server.read_some(buffer), hang_up())));
        EXPECT_EQ(n, 4u);
        for (int i = 0; i < 2; ++i) {
            n = co_await ok(p.server.read_some(buffer));
            EXPECT_EQ(n, 0u);
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, a_reset_after_a_read_that_filled_its_buffer) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 4> buffer;
        auto send_four = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(p.client.write_all(bytes_of("1234")));
            co_return {};
        };
        std::size_t n = std::get<0>(co_await ok(when_all(p.server.read_some(buffer), send_four())));
        EXPECT_EQ(n, 4u);
        co_await ok(p.client.set(socket_option::linger, 0));
        p.client.close();
        auto lost = co_await p.server.read_some(buffer);
        EXPECT_TRUE(!lost && lost.error() == errc::connection_reset);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Nor does a fast sender keep the others of its receiver's worker from their turns.
TEST_P(tcp, reads_that_never_wait_let_others_have_their_turns) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 1> buffer;
        std::size_t turns = 0;
        bool done = false;
        auto begin = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(p.client.write_all(pattern(2000)));
            co_return {};
        };
        co_await ok(when_all(p.server.read_some(buffer), begin()));
        auto take_all = [&]() -> task<result<void>> {
            for (int i = 0; i < 1999; ++i) co_await ok(p.server.read_some(buffer));
            done = true;
            co_return {};
        };
        auto other = [&]() -> task<result<void>> {
            while (!done) {
                ++turns;
                co_await yield();
            }
            co_return {};
        };
        co_await ok(when_all(take_all(), other()));
        EXPECT_GT(turns, 2u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(tcp, what_is_moved_from_or_closed_takes_nothing) {
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        std::array<std::byte, 8> buffer;
        auto write = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            co_await ok(p.client.write_all(bytes_of("one")));
            co_return {};
        };
        co_await ok(when_all(p.server.read_some(buffer), write()));
        tcp_stream taken = std::move(p.server);
        auto stale = co_await timeout(1s, p.server.read_some(buffer));
        EXPECT_TRUE(!stale && stale.error() != errc::timed_out);
        std::size_t n = std::get<0>(co_await ok(when_all(taken.read_some(buffer), write())));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "one");
        taken.close();
        stale = co_await timeout(1s, taken.read_some(buffer));
        EXPECT_TRUE(!stale && stale.error() != errc::timed_out);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Where a place is remembered, another runtime has come meanwhile.
TEST_P(tcp, a_stream_lives_on_in_the_next_runtime) {
    connected_pair p;
    for (int i = 0; i < 4; ++i) {
        auto body = [&]() -> task<result<void>> {
            if (i == 0) p = co_await ok(connect_two());
            std::array<std::byte, 8> buffer;
            for (int k = 0; k < 3; ++k) {
                auto write = [&]() -> task<result<void>> {
                    co_await ok(sleep_for(1ms));
                    co_await ok(p.client.write_all(bytes_of("x")));
                    co_return {};
                };
                co_await ok(when_all(p.server.read_some(buffer), write()));
            }
            co_return {};
        };
        auto r = run(body(), 1 + static_cast<std::size_t>(i) % 2);
        CHECK_OK(r);
    }
}

// A later read may wait by a shorter way than the first.
TEST_P(tcp, closing_while_an_operation_is_in_flight_panics) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    int reads_before = 0;
    auto body = [&]() -> task<result<void>> {
        connected_pair p = co_await ok(connect_two());
        auto read = [&]() -> task<result<void>> {
            std::array<std::byte, 8> some;
            for (;;) co_await ok(p.server.read_some(some));
        };
        auto close = [&]() -> task<result<void>> {
            for (int i = 0; i < reads_before; ++i) {
                co_await ok(p.client.write_all(bytes_of("x")));
                co_await ok(sleep_for(1ms));
            }
            co_await ok(sleep_for(1ms));
            p.server.close();
            co_return {};
        };
        co_await when_all(read(), close());
        co_return {};
    };
    for (reads_before = 0; reads_before < 3; ++reads_before)
        EXPECT_DEATH((void)run(body()), "closed or moved while an operation on it was in flight");
}

} // namespace
} // namespace weft
