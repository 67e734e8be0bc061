#include "server.hpp"

#include "clock.hpp"
#include "connection.hpp"
#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

server::server(const settings& s, doors& d, storage& where, const memories& m, const secrets& chance)
    : settings_{s}, doors_{d}, kv{m.data, m.buffers, m.records, chance.keys},
      log{kv, m.records, s, where, chance.salts} {
    kv.limit = s.limit;
    for (std::size_t i = 0; i < sizeof run_id_; ++i) run_id_[i] = "0123456789abcdef"[chance.run_id[i] % 16];
    server_state& state = kv.server;
    state.run_id = {run_id_, sizeof run_id_};
    state.port = s.port;
    state.started_at = kv.db.now = unix_milliseconds();
    state.sync = s.sync;
}

task<result<void>> server::serve() {
    kv.server.io = doors_.io();
    kv.server.loading = settings_.append_only;
    kv.server.loading_since = kv.server.started_at;
    co_await ok(doors_.open());
    auto services = [this](weft::scope& s) -> task<result<void>> {
        auto log_task = s.spawn(keep_log());
        s.spawn(keep_house());
        co_await ok(serve_clients());
        log.close();
        co_await ok(log_task.join());
        s.request_stop();
        co_return {};
    };
    result<void> done = co_await weft::with_scope(services);
    doors_.close();
    if (done) log_notice("Bye");
    co_return done;
}

// Clients are there from the beginning; while the log is loaded, most of their commands are refused.
task<result<void>> server::keep_log() {
    bool complete = true;
    if (settings_.append_only) complete = co_await ok(log.open());
    if (!complete) co_return {};
    kv.server.loading = false;
    log_notice("Ready to serve clients at %s", doors_.where());
    bool saved = true;
    if (settings_.append_only) saved = co_await log.run();
    co_return saved ? result<void>() : failure(weft::errc::io_error);
}

task<result<void>> server::serve_clients() {
    auto clients = [this](weft::scope& s) -> task<result<void>> {
        auto accepting = [&](weft::scope& listeners) -> task<> {
            doors_.each_listener([&](auto& l) { listeners.spawn(accept_all(l, s)); });
            co_await doors_.until_told_to_stop(shutdown_);
            listeners.request_stop();
        };
        co_await ok(weft::with_scope(accepting));
        for (session* each = kv.first_session(); each; each = each->next)
            static_cast<connection*>(each)->end_input();
        auto limit = weft::clock::now() + std::chrono::seconds(settings_.shutdown_seconds);
        while (clients_) {
            result<void> left = co_await weft::timeout_at(limit, client_left_.wait());
            if (!left) break;
        }
        if (clients_) log_warning("%zu clients did not take their replies in time", clients_);
        s.request_stop();
        co_return {};
    };
    co_return co_await weft::with_scope(clients);
}

template <class Listener> task<> server::accept_all(Listener& listener, weft::scope& clients) {
    constexpr auto first_pause = 10ms, longest_pause = 1000ms;
    auto pause = first_pause;
    for (;;) {
        auto peer = co_await listener.accept();
        if (peer) {
            pause = first_pause;
            ++kv.server.connections;
            if (clients_ < kv.limit.clients) {
                ++clients_;
                clients.spawn(serve_client(std::move(*peer)));
            } else {
                ++kv.server.refused_connections;
                clients.spawn(refuse(std::move(*peer)));
            }
            continue;
        }
        if (peer.error() == weft::errc::cancelled) co_return;
        if (peer.error() == weft::errc::connection_aborted) continue;
        if (pause == first_pause) log_warning("Accepting clients fails for now: %s", peer.error().message());
        if (!co_await weft::sleep_for(pause)) co_return;
        pause = std::min(2 * pause, longest_pause);
    }
}

task<> server::serve_client(peer_socket socket) {
    {
        connection c(*this, std::move(socket));
        co_await c.serve();
    }
    --clients_;
    client_left_.set();
}

task<> server::refuse(peer_socket socket) {
    constexpr text reason = "-ERR max number of clients reached\r\n";
    (void)co_await weft::timeout(1s, socket.write_all(std::as_bytes(std::span{reason})));
}

// What nobody asks for: keys whose time is over, and the memory of large values that were removed.
task<> server::keep_house() {
    weft::interval tick(100ms, weft::missed_ticks::skip);
    while (co_await tick.tick()) {
        if (kv.server.loading) continue;
        kv.db.now = unix_milliseconds();
        auto until = weft::clock::now() + 1ms;
        while (kv.db.expire_some(20) > 5 && weft::clock::now() < until) {}
        while (kv.db.bury_some(1000) && weft::clock::now() < until) {}
        log.records_came();
    }
}

} // namespace kv
