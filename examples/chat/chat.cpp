// A chat: what one says, all others read.
//
//     weft-chat [address]                               then, a few times: nc 127.0.0.1 7008
//
// It shows broadcast: a fixed number of messages is kept, whoever speaks never waits for whoever listens, and a reader that
// is too slow learns how many messages it has missed instead of making the server keep them. And it shows two tasks a
// client, one that reads and one that writes, of which the end of one is the end of the other.
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <weft/core/broadcast.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_any.hpp>
#include <weft/io/tcp.hpp>
#include <weft/runtime/run.hpp>

// Copied into the room and out of it, so it has a size.
struct message {
    int from = 0;
    std::size_t size = 0;
    std::array<char, 500> text;

    std::string_view view() const { return {text.data(), size}; }
};

using room = weft::broadcast<message, 128>;

// The bytes of a client, cut into lines; a longer line becomes several messages.
weft::task<weft::result<void>> listen_to(weft::tcp_stream& client, int number, room& everyone) {
    message m;
    m.from = number;
    int said = std::snprintf(m.text.data(), m.text.size(), "%d: ", number);
    const auto start = static_cast<std::size_t>(said);
    for (m.size = start;;) {
        auto free = std::as_writable_bytes(std::span(m.text).subspan(m.size));
        std::size_t n =
            co_await weft::ok(client.read_some(free.first(free.size() - 1))); // room for a line's end
        if (n == 0) co_return {};
        std::size_t filled = m.size + n;
        while (filled > start) {
            std::string_view all(m.text.data(), filled);
            std::size_t end = all.find('\n', start);
            bool full = filled == m.text.size() - 1;
            if (end == all.npos && !full) break;
            message line = m;
            line.size = end == all.npos ? filled : end;
            line.text[line.size++] = '\n';
            co_await weft::ok(everyone.send(line));
            std::size_t used = end == all.npos ? filled : end + 1;
            std::memmove(m.text.data() + start, m.text.data() + used, filled - used);
            filled -= used - start;
        }
        m.size = filled;
    }
}

weft::task<weft::result<void>> speak_to(weft::tcp_stream& client, int number, room::receiver messages) {
    for (;;) {
        auto m = co_await messages.recv();
        if (!m && m.error() == weft::errc::lagged) {
            std::array<char, 64> text;
            int n = std::snprintf(text.data(), text.size(), "(%d messages missed)\n", m.error().native());
            auto notice = std::span(text).first(static_cast<std::size_t>(n));
            co_await weft::ok(client.write_all(std::as_bytes(notice)));
            continue;
        }
        if (!m) co_return weft::failure(m.error());
        if (m->from != number) co_await weft::ok(client.write_all(std::as_bytes(std::span(m->view()))));
    }
}

// The first of the two to end stops the other, and when_any() waits for both: then the stream may go.
weft::task<> serve_one(weft::tcp_stream client, int number, room& everyone) {
    (void)co_await weft::when_any(listen_to(client, number, everyone),
                                  speak_to(client, number, everyone.subscribe()));
}

weft::task<weft::result<void>> serve(weft::endpoint at) {
    weft::tcp_listener listener = co_await weft::ok(weft::tcp_listener::bind(at));
    room everyone;
    auto accept_all = [&](weft::scope& clients) -> weft::task<weft::result<void>> {
        for (int number = 1;; ++number) {
            weft::tcp_stream client = co_await weft::ok(listener.accept());
            clients.spawn(serve_one(std::move(client), number, everyone));
        }
    };
    co_return co_await weft::with_scope(accept_all);
}

int main(int argc, char** argv) {
    auto at = weft::endpoint::parse(argc > 1 ? argv[1] : "127.0.0.1:7008");
    if (!at) return std::fprintf(stderr, "usage: weft-chat [address]\n"), 2;
    weft::result<void> served = weft::run(serve(*at));
    if (!served) std::fprintf(stderr, "weft-chat: %s\n", served.error().message());
    return served ? 0 : 1;
}
