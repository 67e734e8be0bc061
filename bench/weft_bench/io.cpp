// I/O on weft. Cancelling: N tasks wait for a datagram each, and a stop calls all of them off. Echo: clients and servers on
// one thread, which wait for each other, so that what happens depends on no clock; for counting instructions.
#include <array>
#include <vector>

#include <weft/core/ok.hpp>
#include <weft/core/yield.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/udp.hpp>

#include "weft_bench.hpp"

namespace benchmark {
namespace {

weft::task<> reader(weft::udp_socket& socket) {
    std::array<std::byte, 64> buffer;
    auto got = co_await socket.receive(buffer);
    if (!got && got.error() == weft::errc::cancelled) ++sink;
}

weft::task<> cancel(std::vector<weft::udp_socket>& sockets) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        for (weft::udp_socket& socket : sockets) s.spawn(reader(socket));
        for (int i = 0; i < 100; ++i) co_await weft::yield(); // long enough for all to wait in the system
        measure::begin();
        s.request_stop();
    };
    (void)co_await weft::with_scope(all);
    measure::end("cancel", sockets.size());
}

weft::task<weft::result<void>> serve(weft::tcp_stream peer) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(peer.read_some(buffer));
        if (n == 0) co_return {};
        co_await weft::ok(peer.write_all(std::span(buffer).first(n)));
    }
}

weft::task<weft::result<void>> ask(weft::tcp_stream server, std::size_t n, std::size_t room) {
    std::array<std::byte, 64> message{};
    std::array<std::byte, 128> reply; // a read that fills what it has got says that there may be more
    for (std::size_t i = 0; i < n; ++i) {
        co_await weft::ok(server.write_all(message));
        sink += co_await weft::ok(server.read_some(std::span(reply).first(room)));
    }
    co_return {};
}

weft::task<weft::result<void>> echo(std::size_t n, std::size_t connections, std::size_t room) {
    weft::tcp_listener listener = co_await weft::ok(weft::tcp_listener::bind(weft::endpoint::loopback(0)));
    weft::endpoint at = co_await weft::ok(listener.local());
    auto all = [&](weft::scope& s) -> weft::task<weft::result<void>> {
        for (std::size_t i = 0; i < connections; ++i) {
            weft::tcp_stream client = co_await weft::ok(weft::tcp_stream::connect(at));
            weft::tcp_stream server = co_await weft::ok(listener.accept());
            s.spawn(serve(std::move(server)));
            s.spawn(ask(std::move(client), n / connections, room));
        }
        co_return {};
    };
    measure::begin();
    co_await weft::ok(weft::with_scope(all));
    measure::end("echo", n / connections * connections);
    co_return {};
}

} // namespace

void run_echo(const measure::arguments& a) {
    weft::result<void> done = weft::run(echo(a[0], a[1], a[2] ? 64 : 128));
    if (!done) measure::fail(done.error().message());
    measure::expect(sink, 64 * (a[0] / a[1] * a[1]), "bytes that came back");
}

void run_cancel(const measure::arguments& a) {
    std::vector<weft::udp_socket> sockets;
    for (std::size_t i = 0; i < a[0]; ++i) {
        auto bound = weft::udp_socket::bind(weft::endpoint::loopback(0));
        if (!bound) measure::fail(bound.error().message());
        sockets.push_back(std::move(*bound));
    }
    weft::run(cancel(sockets));
    measure::expect(sink, a[0], "reads that were cancelled");
}

} // namespace benchmark
