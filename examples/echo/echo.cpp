// A TCP echo server: whatever a client sends comes back.
//
//     weft-echo [--port N]          then: nc 127.0.0.1 7007
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/io/tcp.hpp>
#include <weft/runtime/run.hpp>

weft::task<weft::result<void>> echo(weft::tcp_stream peer) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(peer.read_some(buffer));
        if (n == 0) co_return {};
        co_await weft::ok(peer.write_all(std::span(buffer).first(n)));
    }
}

// A client that is lost is no reason to stop serving the others.
weft::task<> serve_one(weft::tcp_stream peer) { (void)co_await echo(std::move(peer)); }

weft::task<weft::result<void>> serve(weft::endpoint at) {
    weft::tcp_listener listener = co_await weft::ok(weft::tcp_listener::bind(at));
    auto accept_all = [&](weft::scope& clients) -> weft::task<weft::result<void>> {
        for (;;) {
            weft::tcp_stream peer = co_await weft::ok(listener.accept());
            clients.spawn(serve_one(std::move(peer)));
        }
    };
    co_return co_await weft::with_scope(accept_all);
}

int main(int argc, char** argv) {
    std::uint16_t port = 7007;
    if (argc == 3 && std::strcmp(argv[1], "--port") == 0)
        std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), port);
    else if (argc != 1)
        return std::fprintf(stderr, "usage: weft-echo [--port N]\n"), 2;
    weft::result<void> r = weft::run(serve(weft::endpoint::loopback(port)));
    if (r) return 0;
    std::fprintf(stderr, "weft-echo: %s\n", r.error().message());
    return 1;
}
