// A TCP echo server: whatever a client sends comes back.
//
//     weft-echo [--port N] [--workers N] [--share] [--lease]          then: nc 127.0.0.1 7007
//
// With several workers each has its own thread, its own listener, and its own clients: nothing is shared. The kernel hands
// out the connections. With --share there is one listener, and a worker that has nothing to do takes over clients that are
// ready from one that has more than it can serve: for clients of which few are busy. With --lease a client that is silent
// costs no buffer.
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <vector>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/io/tcp.hpp>
#include <weft/runtime/runtime.hpp>

weft::task<weft::result<void>> echo(weft::tcp_stream& peer) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(peer.read_some(buffer));
        if (n == 0) co_return {};
        co_await weft::ok(peer.write_all(std::span(buffer).first(n)));
    }
}

// A client that is lost is no reason to stop serving the others.
weft::task<> serve_one(weft::tcp_stream peer) { (void)co_await echo(peer); }

// For many clients that are silent most of the time: the worker lends the buffer when something has come, until it is
// answered, and what is needed to answer has a frame of its own, which is there no longer than that.
weft::task<bool> answer(weft::tcp_stream& peer, const weft::leased_buffer& bytes) {
    auto written = co_await peer.write_all(bytes);
    co_return written.has_value();
}
weft::task<> serve_one_leased(weft::tcp_stream peer) {
    for (;;) {
        auto bytes = co_await peer.read_leased();
        if (!bytes || bytes->empty()) co_return;
        bool answered = co_await answer(peer, *bytes);
        if (!answered) co_return;
    }
}

struct options {
    std::uint16_t port = 7007;
    std::size_t workers = 1;
    bool share = false;
    bool lease = false;
};

weft::task<weft::result<void>> serve(weft::tcp_listener listener, bool lease) {
    auto accept_all = [&](weft::scope& clients) -> weft::task<weft::result<void>> {
        for (;;) {
            weft::tcp_stream peer = co_await weft::ok(listener.accept());
            clients.spawn(lease ? serve_one_leased(std::move(peer)) : serve_one(std::move(peer)));
        }
    };
    co_return co_await weft::with_scope(accept_all);
}

weft::task<weft::result<void>> serve_everywhere(weft::runtime& all, const options& o) {
    std::size_t count = o.share ? 1 : o.workers;
    weft::listen_options shared;
    shared.reuse_port = count > 1; // else two servers that were started by mistake would share the clients
    std::vector<weft::tcp_listener> listeners;
    for (std::size_t i = 0; i < count; ++i) {
        auto listener = weft::tcp_listener::bind(weft::endpoint::loopback(o.port), shared);
        listeners.push_back(co_await weft::ok(std::move(listener)));
    }
    for (std::size_t i = 1; i < count; ++i)
        co_await weft::ok(all.spawn_on(i, serve(std::move(listeners[i]), o.lease)));
    co_return co_await serve(std::move(listeners[0]), o.lease);
}

template <class N> bool parse(const char* text, N& number) {
    std::string_view t(text ? text : "");
    auto [end, problem] = std::from_chars(t.data(), t.data() + t.size(), number);
    return problem == std::errc() && end == t.data() + t.size() && number != 0;
}

int main(int argc, char** argv) {
    options o;
    for (int i = 1; i < argc; ++i) {
        std::string_view name = argv[i];
        bool good = name == "--lease"   ? (o.lease = true)
                    : name == "--share" ? (o.share = true)
                    : name == "--port"  ? parse(argv[++i], o.port)
                    : name == "--workers"
                        ? parse(argv[++i], o.workers) && o.workers <= weft::runtime::max_threads
                        : false;
        if (!good)
            return std::fprintf(stderr, "usage: weft-echo [--port N] [--workers N] [--share] [--lease]\n"), 2;
    }
    weft::runtime_options how;
    how.threads = o.workers;
    how.mode = o.share ? weft::worker_mode::work_sharing : weft::worker_mode::pinned;
    weft::runtime all(how);
    weft::result<void> r = all.run(serve_everywhere(all, o));
    if (r) return 0;
    std::fprintf(stderr, "weft-echo: %s\n", r.error().message());
    return 1;
}
