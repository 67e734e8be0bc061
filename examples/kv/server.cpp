#include "server.hpp"

#include "connection.hpp"
#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_any.hpp>
#include <weft/io/directory.hpp>
#include <weft/io/signal_set.hpp>
#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/worker.hpp>

#include <filesystem>
#include <system_error>

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

namespace {

std::span<std::byte> map(std::size_t size) {
    void* at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(),
                                "reserving " + std::to_string(size >> 20) +
                                    " MB (see --memory, --client-memory, --log-memory)");
    return {static_cast<std::byte*>(at), size};
}

// The pages that lie wholly inside go back to the system.
void unmap_inside(void* block, std::size_t size) {
    constexpr std::uintptr_t page = 4096;
    auto from = reinterpret_cast<std::uintptr_t>(block);
    std::uintptr_t to = (from + size) / page * page;
    from = (from + page - 1) / page * page;
    if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

template <class T> T random_value() {
    T value{};
    if (::getrandom(&value, sizeof value, 0) != sizeof value) throw std::bad_alloc();
    return value;
}

// One descriptor a client, and some for files and listeners.
void allow_descriptors(limits& limit) {
    constexpr std::size_t others = 64;
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur >= limit.clients + others) return;
    rlimit more = now;
    more.rlim_cur = limit.clients + others;
    more.rlim_max = std::max(more.rlim_max, more.rlim_cur);
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;
    more = now;
    more.rlim_cur = now.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) now = more;
    if (now.rlim_cur >= limit.clients + others) return;
    limit.clients = now.rlim_cur > 2 * others ? now.rlim_cur - others : others;
    log_warning("The system allows %llu descriptors: at most %zu clients",
                static_cast<unsigned long long>(now.rlim_cur), limit.clients);
}

// A socket that nobody listens at, of a server that could not clean up.
task<> remove_abandoned(const weft::endpoint& at, const std::string& path) {
    if (!std::filesystem::is_socket(path)) co_return;
    result<weft::unix_stream> other = co_await weft::unix_stream::connect(at);
    if (!other && other.error() == weft::errc::connection_refused) ::unlink(path.c_str());
}

} // namespace

region::region(std::size_t size) : bytes_{map(size)}, arena_{bytes_} {
    arena_.set_large_free_hook(&unmap_inside);
}
region::~region() { ::munmap(bytes_.data(), bytes_.size()); }

server::server(const options& o)
    : options_{o}, data_{o.memory}, buffers_{o.client_memory}, records_{o.log_memory},
      kv{data_, buffers_, records_, random_value<hash_seed>()}, log{kv, records_, o} {
    kv.limit = o.limit;
    allow_descriptors(kv.limit);
    for (char& c : run_id_) c = "0123456789abcdef"[random_value<unsigned char>() % 16];
    server_state& s = kv.server;
    s.run_id = {run_id_, sizeof run_id_};
    s.directory = o.directory;
    s.log_file = "weft-kv.log";
    s.port = o.port;
    s.process_id = ::getpid();
    s.started_at = kv.db.now = unix_milliseconds();
    s.sync = o.sync;
}

task<result<void>> server::listen() {
    auto bound = [&](const std::string& where, auto& listener, auto& made) -> result<void> {
        if (!made) {
            log_error("Listening at %s failed: %s", where.c_str(), made.error().message());
            return failure(made.error());
        }
        listener = std::move(*made);
        listens_at_ += (listens_at_.empty() ? "" : " and ") + where;
        return {};
    };
    if (options_.port) {
        bool v6 = options_.bind.find(':') != std::string::npos;
        std::string where =
            (v6 ? "[" + options_.bind + "]" : options_.bind) + ":" + std::to_string(options_.port);
        result<weft::endpoint> at = weft::endpoint::parse(where);
        result<weft::tcp_listener> made =
            failure(at ? weft::error(weft::errc::invalid_argument) : at.error());
        if (at && at->is_ip()) made = weft::tcp_listener::bind(*at);
        co_await ok(bound(where, tcp_, made));
    }
    if (const std::string& path = options_.unix_socket; !path.empty()) {
        result<weft::endpoint> at = weft::endpoint::unix_path(path);
        result<weft::unix_listener> made = failure(at ? weft::error() : at.error());
        if (at) {
            co_await remove_abandoned(*at, path);
            made = weft::unix_listener::bind(*at);
        }
        co_await ok(bound(path, unix_, made));
    }
    co_return {};
}

task<result<void>> server::serve() {
    kv.server.io = weft::this_worker().io().name();
    kv.server.loading = options_.append_only;
    kv.server.loading_since = kv.server.started_at;
    co_await ok(listen());
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
    if (unix_) ::unlink(options_.unix_socket.c_str());
    if (done) log_notice("Bye");
    co_return done;
}

// Clients are there from the beginning; while the log is loaded, most of their commands are refused.
task<result<void>> server::keep_log() {
    bool complete = true;
    if (options_.append_only) complete = co_await ok(log.open());
    if (!complete) co_return {};
    kv.server.loading = false;
    log_notice("Ready to serve clients at %s", listens_at_.c_str());
    bool saved = true;
    if (options_.append_only) saved = co_await log.run();
    co_return saved ? result<void>() : failure(weft::errc::io_error);
}

task<result<void>> server::serve_clients() {
    auto clients = [this](weft::scope& s) -> task<result<void>> {
        auto accepting = [&](weft::scope& listeners) -> task<> {
            if (tcp_) listeners.spawn(accept_all(tcp_, s));
            if (unix_) listeners.spawn(accept_all(unix_, s));
            co_await until_told_to_stop();
            listeners.request_stop();
        };
        co_await ok(weft::with_scope(accepting));
        for (session* each = kv.first_session(); each; each = each->next)
            static_cast<connection*>(each)->end_input();
        auto limit = weft::clock::now() + std::chrono::seconds(options_.shutdown_seconds);
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

task<> server::until_told_to_stop() {
    auto signals = weft::signal_set::make(weft::signal_interrupt, weft::signal_terminate);
    if (!signals) {
        log_error("Signals can't be waited for: %s", signals.error().message());
        co_return;
    }
    auto why = co_await weft::when_any(signals->next(), shutdown_.wait());
    auto& number = why.get<0>();
    if (!number && !why.get<1>()) co_return; // something has failed, and has said so
    log_notice("%s: the server ends", !number                             ? "SHUTDOWN"
                                      : *number == weft::signal_interrupt ? "SIGINT"
                                                                          : "SIGTERM");
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

task<> server::serve_client(weft::stream_socket socket) {
    {
        connection c(*this, std::move(socket));
        co_await c.serve();
    }
    --clients_;
    client_left_.set();
}

task<> server::refuse(weft::stream_socket socket) {
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
