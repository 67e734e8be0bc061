// A TCP forwarder: what comes in at one address goes to another, and back.
//
//     weft-proxy <listen> <target> [idle seconds]       as: weft-proxy 127.0.0.1:8000 127.0.0.1:7007 60
//
// It shows two directions that end together and each in its own way (a half-closed connection goes on in the other
// direction), limits in time for connecting and for silence, a limit on how many are served at once, and that one lost
// client is no reason to stop.
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/io/tcp.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

struct settings {
    weft::endpoint listen;
    weft::endpoint target;
    std::chrono::seconds idle{60};
};

// When anything last came through a connection, in either direction: who waits for an answer is silent for a good reason.
struct activity {
    weft::clock::time_point last = weft::clock::now();
};

weft::task<weft::result<void>> pump(weft::tcp_stream& from, weft::tcp_stream& to, activity& seen) {
    std::array<std::byte, 16384> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(from.read_some(buffer));
        if (n == 0) {
            (void)to.shutdown_output(); // "no more from me" is passed on; answers may still come
            co_return {};
        }
        seen.last = weft::clock::now();
        co_await weft::ok(to.write_all(std::span(buffer).first(n)));
    }
}

// Fails when nothing has come through for too long, which stops the two pumps beside it.
weft::task<weft::result<void>> watch(activity& seen, std::chrono::seconds idle) {
    while (weft::clock::now() < seen.last + idle) co_await weft::ok(weft::sleep_until(seen.last + idle));
    co_return weft::failure(weft::errc::timed_out);
}

weft::task<weft::result<void>> forward(weft::tcp_stream& client, const settings& s) {
    weft::tcp_stream server = co_await weft::ok(weft::timeout(5s, weft::tcp_stream::connect(s.target)));
    activity seen;
    auto body = [&](weft::scope& connection) -> weft::task<weft::result<void>> {
        connection.spawn(watch(seen, s.idle));
        auto pumped = co_await weft::when_all(pump(client, server, seen), pump(server, client, seen));
        connection.request_stop(); // the watch
        if (!pumped) co_return weft::failure(pumped.error());
        co_return {};
    };
    co_return co_await weft::with_scope(body);
}

weft::task<> serve_one(weft::tcp_stream client, const settings& s, weft::semaphore& places) {
    weft::result<void> done = co_await forward(client, s);
    places.release();
    if (!done) std::fprintf(stderr, "weft-proxy: a connection ended: %s\n", done.error().message());
}

weft::task<weft::result<void>> serve(settings s) {
    weft::tcp_listener listener = co_await weft::ok(weft::tcp_listener::bind(s.listen));
    weft::semaphore places(1000); // two descriptors each; further clients wait in the listener's backlog
    auto accept_all = [&](weft::scope& clients) -> weft::task<weft::result<void>> {
        for (;;) {
            co_await weft::ok(places.acquire());
            auto client = co_await listener.accept();
            if (client) {
                clients.spawn(serve_one(std::move(*client), s, places));
                continue;
            }
            places.release();
            if (client.error() == weft::errc::cancelled) co_return weft::failure(client.error());
            // The client has gone, or no descriptor is free: a moment later it may be otherwise.
            co_await weft::ok(weft::sleep_for(10ms));
        }
    };
    co_return co_await weft::with_scope(accept_all);
}

int main(int argc, char** argv) {
    settings s;
    auto listen = argc > 2 ? weft::endpoint::parse(argv[1]) : weft::failure(weft::errc::invalid_argument);
    auto target = argc > 2 ? weft::endpoint::parse(argv[2]) : weft::failure(weft::errc::invalid_argument);
    int idle = 60;
    std::string_view seconds = argc > 3 ? argv[3] : "60";
    auto [end, problem] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), idle);
    if (!listen || !target || argc > 4 || problem != std::errc() || idle < 1)
        return std::fprintf(stderr, "usage: weft-proxy <listen> <target> [idle seconds]\n"), 2;
    s.listen = *listen;
    s.target = *target;
    s.idle = std::chrono::seconds(idle);
    weft::result<void> served = weft::run(serve(s));
    if (!served) std::fprintf(stderr, "weft-proxy: %s\n", served.error().message());
    return served ? 0 : 1;
}
