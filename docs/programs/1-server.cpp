// The first server: sends each line back in capitals. A client that is silent for half a minute is let go.
//
//     guide-1-server [address]                          then: nc 127.0.0.1 7007
//
// Talk:
//     > hello
//     < HELLO
//     > and once more
//     < AND ONCE MORE
#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/timeout.hpp>
#include <weft/io/tcp.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<weft::result<void>> shout(weft::tcp_stream& peer) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(weft::timeout(30s, peer.read_some(buffer)));
        if (n == 0) co_return {}; // the client has finished
        auto bytes = std::span(buffer).first(n);
        for (std::byte& b : bytes) b = std::byte(std::toupper(std::to_integer<int>(b)));
        co_await weft::ok(peer.write_all(bytes));
    }
}

weft::task<> serve_one(weft::tcp_stream peer) {
    weft::result<void> ended = co_await shout(peer);
    if (!ended) std::fprintf(stderr, "a client is gone: %s\n", ended.error().message());
}

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
    auto at = weft::endpoint::parse(argc > 1 ? argv[1] : "127.0.0.1:7007");
    if (!at) return std::fprintf(stderr, "usage: guide-1-server [address]\n"), 2;
    weft::result<void> served = weft::run(serve(*at));
    if (!served) std::fprintf(stderr, "guide-1-server: %s\n", served.error().message());
    return served ? 0 : 1;
}
