// Sockets over lwIP against a host, and stops that lose nothing. The host connects to port 7 when "ready" is printed, and
// sends three ports, two bytes each: of a TCP echo, of a UDP echo, and one where nobody listens; then it does as run.py says.
#include <algorithm>
#include <array>

#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/lwip/tcp.hpp>
#include <weft/lwip/udp.hpp>
#include <weft/lwip/virt_network.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "check.hpp"

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::endpoint;
using weft::errc;
using weft::result;
using weft::task;
using weft::tcp_stream;

endpoint host(std::uint16_t port) { return endpoint::ipv4({10, 0, 2, 2}, port); }
endpoint nobody_at_all() { return endpoint::ipv4({10, 0, 2, 77}, 7); }

std::byte pattern(std::size_t i) { return static_cast<std::byte>(i * 7 + (i >> 8) * 13); }

// Waits that are stopped after a moment, until there is a client, or as often as that.
task<result<tcp_stream>> accept_in_spite_of_stops(weft::tcp_listener& listener, unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
        auto ended = co_await weft::when_any(listener.accept(), weft::sleep_for(1ms));
        auto& peer = ended.get<0>();
        if (peer || peer.error() != errc::cancelled) co_return std::move(peer);
    }
    co_return weft::failure(errc::cancelled);
}

// Half of the writes and reads of this are stopped before they have an effect.
task<> send_pattern(tcp_stream& peer, std::size_t size, unsigned& stopped, bool& right) {
    std::array<std::byte, 1024> buffer;
    for (std::size_t sent = 0; sent < size;) {
        std::size_t n = std::min(size - sent, buffer.size());
        for (std::size_t i = 0; i < n; ++i) buffer[i] = pattern(sent + i);
        auto bytes = std::span(buffer).first(n);
        auto ended = co_await weft::when_any(peer.write_some(bytes), weft::yield());
        auto& written = ended.get<0>();
        if (written)
            sent += *written;
        else if (written.error() == errc::cancelled)
            ++stopped;
        else
            co_return;
    }
    right = true;
}
task<> receive_pattern(tcp_stream& peer, std::size_t size, unsigned& stopped, bool& right) {
    std::array<std::byte, 700> buffer;
    bool same = true;
    for (std::size_t came = 0; came < size;) {
        auto ended = co_await weft::when_any(peer.read_some(buffer), weft::sleep_for(1ms));
        auto& n = ended.get<0>();
        if (n) {
            for (std::size_t i = 0; i < *n; ++i) same = same && buffer[i] == pattern(came + i);
            came += *n;
        } else if (n.error() == errc::cancelled) {
            ++stopped;
        } else {
            co_return;
        }
        if (n && *n == 0) co_return;
    }
    right = same;
}

task<> reads_and_writes(std::uint16_t port) {
    auto peer = co_await tcp_stream::connect(host(port));
    check(peer.has_value(), "a connection to the host");
    if (!peer) co_return;
    auto to = peer->peer();
    check(to && *to == host(port), "it knows its other end");
    constexpr std::size_t size = 100'000;
    unsigned stopped_writes = 0, stopped_reads = 0;
    bool sent = false, received = false;
    co_await weft::when_all(send_pattern(*peer, size, stopped_writes, sent),
                            receive_pattern(*peer, size, stopped_reads, received));
    check(sent && received, "100 kB go out and come back while waits are stopped, and no byte is lost");
    check(stopped_writes > 5 && stopped_reads > 5, "many were stopped");

    // Lists of buffers, with empty ones among them.
    std::array<std::byte, 3000> out, in{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = pattern(i);
    weft::const_buffer from[] = {{out.data(), 1000}, {}, {&out[1000], 1}, {&out[1001], 1999}};
    auto written = co_await peer->write_all(from);
    weft::mutable_buffer first[] = {{}, {in.data(), 10}, {&in[10], 20}};
    auto some = co_await peer->read_some(first);
    std::size_t begin = some ? *some : 0;
    auto rest = std::span(in).subspan(begin);
    auto all = co_await peer->read_exact(rest);
    check(written && *written == 3000 && some && *some >= 1 && *some <= 30 && all && in == out,
          "lists of buffers");

    // Where it has come, and as many as may be lent.
    std::array<weft::leased_buffer, weft::leased_buffer::limit> kept;
    auto sent_again = co_await peer->write_all(out);
    std::size_t came = 0;
    bool same = true;
    while (came < out.size()) {
        auto buffer = co_await peer->read_leased();
        if (!buffer || buffer->empty()) break;
        same = same && std::equal(buffer->begin(), buffer->end(), out.begin() + came);
        came += buffer->size();
    }
    check(sent_again && same && came == out.size() && weft::leased_buffer::lent() == 0, "leased reads");
    unsigned lent = 0;
    errc why = errc::none;
    for (auto& each : kept) {
        (void)co_await peer->write_all(std::span(out).first(1));
        auto buffer = co_await peer->read_leased();
        if (buffer) each = std::move(*buffer), ++lent;
    }
    (void)co_await peer->write_all(std::span(out).first(1));
    auto over = co_await peer->read_leased();
    if (!over) why = over.error().code();
    kept[0] = {};
    auto now = co_await peer->read_leased();
    check(lent == kept.size() && why == errc::limit_exceeded && now && now->size() == 1 &&
              now->bytes()[0] == out[0],
          "more are not lent, and nothing is lost");
    kept = {};

    auto ended = peer->shutdown_output();
    auto refused = co_await peer->write_some(out);
    auto end = co_await peer->read_some(in);
    check(ended && !refused && refused.error() == errc::broken_pipe && end && *end == 0,
          "an ended output, and the host's in answer");
    auto gone = peer->peer();
    check(!gone && gone.error() == errc::not_connected,
          "both directions have ended: it is connected no more");
    auto still = co_await peer->read_some(in);
    check(still && *still == 0, "and reads 0 again and again");
}

task<> connects(std::uint16_t echo, std::uint16_t closed) {
    auto refused = co_await tcp_stream::connect(host(closed));
    check(!refused && refused.error() == errc::connection_refused, "a connection is refused");
    auto nowhere = co_await tcp_stream::connect(endpoint::any(7));
    auto six = co_await tcp_stream::connect(endpoint::loopback6(7));
    check(!nowhere && nowhere.error() == errc::invalid_argument && !six && six.error() == errc::not_supported,
          "no address of a host, and one of IPv6");
    bool all = true;
    for (int i = 0; i < 2 * MEMP_NUM_TCP_PCB; ++i) {
        auto silent = co_await weft::timeout(2ms, tcp_stream::connect(nobody_at_all()));
        all = all && !silent && silent.error() == errc::timed_out;
    }
    check(all, "stopped connects, twice as many as there are connections");
    std::array<tcp_stream, MEMP_NUM_TCP_PCB> peers;
    unsigned made = 0;
    errc why = errc::none;
    for (auto& each : peers) {
        auto peer = co_await tcp_stream::connect(host(echo));
        if (!peer) {
            why = peer.error().code();
            break;
        }
        each = std::move(*peer);
        ++made;
    }
    check(made >= MEMP_NUM_TCP_PCB - 2 && why == errc::limit_exceeded,
          "as many as there are, and then a limit that says so");
    peers = {};
    (void)co_await weft::sleep_for(500ms); // until the host has ended them, too
    auto from = co_await tcp_stream::connect(host(echo), endpoint::any(4711));
    auto local = from ? from->local() : weft::failure(errc::other);
    check(local && local->port() == 4711, "a connection from a port of ours");
}

task<> datagrams(std::uint16_t port) {
    auto socket = weft::udp_socket::bind(endpoint::any(0));
    if (!socket) co_return check(false, "a UDP socket");
    std::array<std::byte, 1472> out{}, in;
    auto early = co_await socket->send(std::span(out).first(1));
    auto connected = socket->connect(host(port));
    auto peer = socket->peer();
    check(!early && early.error() == errc::not_connected && connected && peer && *peer == host(port),
          "a connected UDP socket");
    unsigned stopped = 0, right = 0;
    for (unsigned i = 0; i < 50; ++i) {
        out[0] = static_cast<std::byte>(i);
        auto sent = co_await socket->send(std::span(out).first(1 + 20 * i));
        for (;;) {
            auto ended = co_await weft::when_any(socket->receive(in), weft::yield());
            auto& n = ended.get<0>();
            if (!n && n.error() == errc::cancelled) {
                ++stopped;
                continue;
            }
            right += sent && n && *n == 1 + 20 * i && in[0] == out[0];
            break;
        }
    }
    check(right == 50 && stopped > 50, "receives are stopped, and no datagram is lost");
    // More than the interface's queue holds, at once: sends wait, and are stopped there.
    unsigned waited = 0, sent = 0;
    for (unsigned i = 0; i < 60; ++i) {
        out[0] = std::byte{0xff}; // is counted, and not answered
        auto ended = co_await weft::when_any(socket->send(out), weft::yield());
        auto& n = ended.get<0>();
        n ? ++sent : ++waited;
    }
    out[0] = std::byte{0xfe}; // is answered by the count
    auto asked = co_await socket->send(std::span(out).first(1));
    auto n = co_await weft::timeout(5s, socket->receive_from(in));
    check(asked && n && n->size == 1 && n->from == host(port) && std::to_integer<unsigned>(in[0]) == sent &&
              sent + waited == 60,
          "what was sent has come, and what was stopped has not");
    auto large = co_await socket->send(std::array<std::byte, 1473>{});
    check(!large && large.error() == errc::message_too_large, "a datagram that is too large");
}

// The host says nothing for three seconds between two bytes.
task<> idle(tcp_stream& peer) {
    std::byte byte[1];
    auto first = co_await peer.read_exact(byte);
    std::uint32_t before = weft::ip_interface::the().ticks();
    auto second = co_await peer.read_exact(byte);
    std::uint32_t ticks = weft::ip_interface::the().ticks() - before;
    weft::chip::print_all("        ticks in three idle seconds: ", std::int64_t{ticks}, "\n");
    // The acknowledgement of the first byte waits for one.
    check(first && second && ticks <= 2, "an idle connection wakes nobody");
}

// The host goes on sending, and reads what we write.
task<> end_of_input(tcp_stream& peer) {
    std::byte bytes[64];
    bool ended = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](tcp_stream& peer, bool& ended) -> task<> {
            (void)co_await weft::sleep_for(10ms);
            ended = peer.shutdown_input().has_value();
        }(peer, ended));
        auto waited = co_await peer.read_some(bytes);
        check(waited && *waited == 0, "a read ends when the input is ended");
    };
    (void)co_await weft::with_scope(body);
    auto said = co_await peer.write_all(std::as_bytes(std::span("go on", 5)));
    (void)co_await weft::sleep_for(300ms); // the host sends more than the window
    auto after = co_await peer.read_some(bytes);
    check(ended && said && after && *after == 0, "what comes later is not read");
    auto last = co_await peer.write_all(std::as_bytes(std::span("bye", 3)));
    check(last.has_value() && peer.shutdown_output(), "and the output goes on");
}

task<> test() {
    auto started = co_await weft::riscv::start_network();
    check(started.has_value(), "the network starts");
    auto listener = weft::tcp_listener::bind(endpoint::any(7));
    if (!listener) {
        check(false, "a listener");
        chip_test::finish();
    }
    auto again = weft::tcp_listener::bind(endpoint::any(7));
    check(!again && again.error() == errc::address_in_use, "a port is taken once");
    weft::chip::print("ready\n");
    auto control = co_await accept_in_spite_of_stops(*listener, 60'000);
    check(control.has_value(), "a client is accepted in spite of stops");
    auto lonely = weft::tcp_listener::bind(endpoint::any(8));
    if (!lonely || !control) chip_test::finish();
    auto nobody = co_await accept_in_spite_of_stops(*lonely, 20);
    check(!nobody && nobody.error() == errc::cancelled, "where nobody comes, all are stopped");
    std::array<std::byte, 6> ports{};
    auto told = co_await control->read_exact(ports);
    if (!told) chip_test::finish();
    auto port = [&](std::size_t i) {
        return static_cast<std::uint16_t>(std::to_integer<unsigned>(ports[2 * i]) << 8 |
                                          std::to_integer<unsigned>(ports[2 * i + 1]));
    };
    co_await idle(*control);
    co_await connects(port(0), port(2));
    co_await reads_and_writes(port(0));
    co_await datagrams(port(1));
    co_await end_of_input(*control);
    (void)co_await weft::sleep_for(7s); // the last segments leave, and requests for addresses are forgotten
    std::uint32_t before = weft::ip_interface::the().ticks();
    (void)co_await weft::sleep_for(3s);
    check(weft::ip_interface::the().ticks() - before <= 1, "nor do connections that linger after their end");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 32768, .branches = 8}>(); }
