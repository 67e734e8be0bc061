#include "connection.hpp"

#include "clock.hpp"
#include "log.hpp"
#include "server.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/when_any.hpp>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

namespace {

constexpr std::size_t least_read = 1024, most_read = 64 << 10;
constexpr std::size_t kept_output = 16 << 10; // a connection without output keeps no larger buffer

std::span<const std::byte> bytes_of(byte_buffer& b) { return std::as_bytes(std::span{b.data(), b.size()}); }

text format(const result<weft::endpoint>& e, std::span<char> to) {
    return e && e->is_ip() ? e->format(to) : text{"unix:0"};
}

} // namespace

connection::connection(server& s, peer_socket&& socket)
    : session{s.kv.buffers()}, server_{s}, kv_{s.kv}, socket_{std::move(socket)},
      query_{s.kv.buffers(), s.kv.limit.query_buffer}, sending_{s.kv.buffers()},
      parser_{s.kv.buffers(), s.kv.limit.request}, read_size_{least_read} {
    peer_address = format(socket_.peer(), peer_);
    local_address = format(socket_.local(), local_);
    wake = [](session& self) {
        auto& c = static_cast<connection&>(self);
        c.answered_.set();
        c.send();
    };
}

task<> connection::serve() {
    auto body = [this](weft::scope& tasks) {
        tasks_ = &tasks;
        return read_all();
    };
    (void)co_await weft::with_scope(body); // if one of the two fails, the other is stopped
}

void connection::end_input() {
    ending_ = true;
    (void)socket_.shutdown_input();
}

task<result<void>> connection::read_all() {
    kv_.attach(*this);
    result<void> open;
    while (open && goes_on()) {
        std::span<std::byte> to = room();
        if (to.empty()) break;
        result<std::size_t> n = co_await socket_.read_some(to);
        if (!n) open = failure(n.error());
        if (!n || *n == 0) break;
        received(*n, to.size());
        execute_all();
        if (blocked() || over_limits()) [[unlikely]]
            open = co_await until_within_limits();
    }
    kv_.detach(*this); // from here on nobody wakes it
    co_return open;
}

// Where the next bytes go; empty, and the connection ends, if the client may have no more.
std::span<std::byte> connection::room() {
    if (query_.empty() && query_.capacity() > 4 * read_size_) query_.release();
    // A large value's room grows with what has come, not with what was announced.
    char* to = query_.room(std::max(read_size_, std::min(parser_.missing(), query_.size())));
    if (!to) to = query_.room(1);
    if (to) return std::as_writable_bytes(std::span{to, query_.capacity() - query_.size()});
    reply{out, protocol}.error("ERR Protocol error: the query buffer's limit is reached");
    send();
    log_warning("Client %llu at %.*s is disconnected: its query buffer is full",
                static_cast<unsigned long long>(id), static_cast<int>(peer_address.size()),
                peer_address.data());
    return {};
}

void connection::received(std::size_t count, std::size_t room) {
    query_.commit(count);
    kv_.server.input_bytes += count;
    if (count == room)
        read_size_ = std::min(read_size_ * 2, most_read);
    else if (count < read_size_ / 4)
        read_size_ = std::max(read_size_ / 2, least_read);
}

void connection::execute_all() {
    kv_.db.now = unix_milliseconds();
    std::size_t at = 0;
    while (at < query_.size() && goes_on() && !blocked()) {
        auto status = parser_.parse(query_.data() + at, query_.size() - at);
        if (status == request_parser::status::partial) break;
        if (status == request_parser::status::failed) {
            reply{out, protocol}.error(parser_.error());
            ending_ = true;
            break;
        }
        at += parser_.consumed();
        outcome what = kv_.execute(*this, parser_.args());
        if (what == outcome::done) [[likely]]
            continue;
        ending_ |= what != outcome::blocked;
        if (what == outcome::shutdown) server_.shut_down();
    }
    query_.consume(at);
    server_.log.records_came();
    if (!out.empty() || out.failed()) send();
}

// Replies may pile up, since a client may send a lot before it reads; but not for ever.
bool connection::over_limits() const { return out.size() > out.limit() / 2 || server_.log.is_behind(); }

task<result<void>> connection::until_within_limits() {
    while (goes_on()) {
        if (blocked()) {
            co_await ok(wait_blocked());
            execute_all();
        } else if (server_.log.is_behind()) {
            co_await ok(server_.log.progress());
        } else if (over_limits()) {
            co_await ok(sent_.wait());
        } else {
            break;
        }
    }
    co_return {};
}

// BLPOP and BRPOP: until there is an element, or the time is over, or the client has gone, which it can't say but by
// ending the connection: so what it sends is read, and kept for later.
task<result<void>> connection::wait_blocked() {
    while (blocked() && goes_on()) {
        std::span<std::byte> to = room();
        auto wait = waiting_until ? std::chrono::milliseconds(waiting_until - unix_milliseconds()) : 1h;
        auto came = co_await weft::when_any(socket_.read_some(to), answered_.wait(), weft::sleep_for(wait));
        auto& n = came.get<0>();
        if (n && *n == 0) co_return failure(weft::errc::closed);
        if (n)
            received(*n, to.size());
        else if (n.error() != weft::errc::cancelled || tasks_->stop_requested())
            co_return failure(n.error());
        kv_.db.now = unix_milliseconds();
        if (blocked() && waiting_until && kv_.db.now >= waiting_until) {
            kv_.give_up_waiting(*this);
            send();
        }
    }
    co_return {};
}

// There is output: somebody has to send it.
void connection::send() {
    if (killed) return give_up("another client has killed it");
    if (out.failed())
        return give_up(subscriptions() ? "it reads its messages too slowly" : "its output is too large");
    waits_for_ = server_.log.last_group();
    if (std::exchange(writing_, true)) return;
    tasks_->spawn(write_all());
}

task<result<void>> connection::write_all() {
    do {
        sending_.swap(out);
        out.set_limit(sending_.limit());
        bool safe = server_.log.is_safe(waits_for_);
        if (!safe) safe = co_await server_.log.until_safe(waits_for_);
        if (!safe) { // whether these commands survive is not known: nobody is told that they do
            sending_.clear();
            reply{sending_, protocol}.error_of("MISCONF Errors writing to the AOF file: ",
                                               kv_.server.log_error);
        }
        result<std::size_t> n = co_await socket_.write_all(bytes_of(sending_));
        if (!n) co_return failure(n.error());
        if (!safe) co_return failure(weft::errc::io_error);
        kv_.server.output_bytes += *n;
        sending_.clear();
        sent_.set();
    } while (!out.empty());
    if (out.capacity() == 0)
        out.swap(sending_);
    else
        sending_.release();
    if (out.capacity() > kept_output) out.release();
    writing_ = false;
    co_return {};
}

void connection::give_up(const char* why) {
    if (std::exchange(ending_, true)) return;
    log_warning("Client %llu at %.*s is disconnected: %s", static_cast<unsigned long long>(id),
                static_cast<int>(peer_address.size()), peer_address.data(), why);
    tasks_->request_stop();
}

} // namespace kv
