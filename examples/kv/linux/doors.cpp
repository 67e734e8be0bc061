#include "doors.hpp"

#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/when_any.hpp>
#include <weft/io/signal_set.hpp>
#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/worker.hpp>

#include <filesystem>

#include <unistd.h>

namespace kv {

using weft::failure, weft::ok, weft::result, weft::task;

namespace {

// A socket that nobody listens at, of a server that could not clean up.
task<> remove_abandoned(const weft::endpoint& at, const std::string& path) {
    if (!std::filesystem::is_socket(path)) co_return;
    result<weft::unix_stream> other = co_await weft::unix_stream::connect(at);
    if (!other && other.error() == weft::errc::connection_refused) ::unlink(path.c_str());
}

} // namespace

text doors::io() const { return weft::this_worker().io().name(); }

task<result<void>> doors::open() {
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

void doors::close() {
    if (unix_) ::unlink(options_.unix_socket.c_str());
}

task<> doors::until_told_to_stop(weft::local::event& shutdown) {
    auto signals = weft::signal_set::make(weft::signal_interrupt, weft::signal_terminate);
    if (!signals) {
        log_error("Signals can't be waited for: %s", signals.error().message());
        co_return;
    }
    auto why = co_await weft::when_any(signals->next(), shutdown.wait());
    auto& number = why.get<0>();
    if (!number && !why.get<1>()) co_return; // something has failed, and has said so
    log_notice("%s: the server ends", !number                             ? "SHUTDOWN"
                                      : *number == weft::signal_interrupt ? "SIGINT"
                                                                          : "SIGTERM");
}

} // namespace kv
