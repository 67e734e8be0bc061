#include <weft/lwip/tcp.hpp>

#include <cstring>

#include <weft/core/port.hpp>
#include <weft/lwip/interface.hpp>
#include <weft/lwip/native.hpp>

namespace weft {

namespace lwip {

namespace {

constinit connection connections[MEMP_NUM_TCP_PCB];
constinit listener listeners[MEMP_NUM_TCP_PCB_LISTEN];

// Called by lwIP; `self` is the connection.
err_t has_come(void* self, tcp_pcb*, pbuf* bytes, err_t) noexcept {
    auto& c = *static_cast<connection*>(self);
    if (!bytes)
        c.finished = true;
    else if (!c.received)
        c.received = bytes;
    else
        pbuf_cat(c.received, bytes);
    c.serve_readers();
    return ERR_OK;
}
err_t has_room(void* self, tcp_pcb*, u16_t) noexcept {
    static_cast<connection*>(self)->serve_writers();
    return ERR_OK;
}
// Twice a second: lwIP's memory may have been full because of others.
err_t look_again(void* self, tcp_pcb*) noexcept { return has_room(self, nullptr, 0); }
// The pcb is gone.
void is_broken(void* self, err_t why) noexcept {
    auto& c = *static_cast<connection*>(self);
    c.pcb = nullptr;
    c.failed = why;
    c.serve_readers();
    c.serve_writers();
}

err_t has_connected(void* self, tcp_pcb* pcb, err_t e) noexcept {
    auto& l = *static_cast<listener*>(self);
    if (e != ERR_OK || !pcb) return ERR_VAL;
    connection* c = claim(connections);
    if (!c) return ERR_MEM; // lwIP resets it
    c->pcb = pcb;
    c->listener = &l;
    tcp_backlog_delayed(pcb);
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, c);
    tcp_recv(pcb, &has_come);
    tcp_sent(pcb, &has_room);
    tcp_err(pcb, &is_broken);
    tcp_poll(pcb, &look_again, 1);
    *l.last = c;
    l.last = &c->next;
    if (waiter* w = l.waiting.front()) {
        (void)static_cast<tcp_listener::accept_operation*>(w)->advance();
        l.waiting.pop();
        wait_queue<no_lock>::resume(*w);
    }
    return ERR_OK;
}

template <class Operation> void serve(wait_queue<no_lock>& queue) noexcept {
    while (waiter* w = queue.front()) {
        if (!static_cast<Operation*>(w)->advance()) return;
        queue.pop();
        wait_queue<no_lock>::resume(*w);
    }
}

} // namespace

error error_of(err_t e) noexcept {
    errc code;
    switch (e) {
    case ERR_MEM:
    case ERR_BUF: code = errc::out_of_memory; break;
    case ERR_RTE: code = errc::unreachable; break;
    case ERR_VAL:
    case ERR_ARG: code = errc::invalid_argument; break;
    case ERR_USE: code = errc::address_in_use; break;
    case ERR_CONN: code = errc::not_connected; break;
    case ERR_ABRT: code = errc::connection_aborted; break;
    case ERR_RST: code = errc::connection_reset; break;
    case ERR_CLSD: code = errc::closed; break;
    default: code = errc::other;
    }
    return error(code, e);
}

result<endpoint> endpoint_of(const tcp_pcb* pcb, bool local) noexcept {
    if (!pcb) return failure(errc::not_connected);
    return from_native(local ? pcb->local_ip : pcb->remote_ip, local ? pcb->local_port : pcb->remote_port);
}

std::size_t connection::take(std::span<std::byte> to) noexcept {
    std::size_t taken = 0;
    while (received && taken < to.size()) {
        std::size_t n = std::min<std::size_t>(received->len - offset, to.size() - taken);
        std::memcpy(to.data() + taken, static_cast<std::byte*>(received->payload) + offset, n);
        taken += n;
        offset += n;
        if (offset < received->len) break;
        pbuf* rest = received->next;
        if (rest) pbuf_ref(rest);
        pbuf_free(received);
        received = rest;
        offset = 0;
    }
    // The window opens by what has been read; its count has 16 bits.
    if (pcb)
        for (std::size_t left = taken; left != 0;) {
            auto n = static_cast<u16_t>(std::min<std::size_t>(left, 0xffff));
            tcp_recved(pcb, n);
            left -= n;
        }
    return taken;
}

err_t connection::give(std::span<const std::byte>& from) noexcept {
    while (!from.empty()) {
        auto n = static_cast<u16_t>(std::min<std::size_t>(from.size(), tcp_sndbuf(pcb)));
        if (n == 0) break;
        err_t e = tcp_write(pcb, from.data(), n, TCP_WRITE_FLAG_COPY);
        // Too much at once for the memory that is left: less may do.
        while (e == ERR_MEM && n > TCP_MSS) {
            n = static_cast<u16_t>(n / 2);
            e = tcp_write(pcb, from.data(), n, TCP_WRITE_FLAG_COPY);
        }
        if (e == ERR_MEM) break;
        if (e != ERR_OK) return e;
        from = from.subspan(n);
    }
    // ERR_MEM: it is repeated by lwIP.
    (void)tcp_output(pcb);
    return ERR_OK;
}

void connection::serve_readers() noexcept { serve<read_operation>(readers); }
void connection::serve_writers() noexcept { serve<write_operation>(writers); }

void connection::release() noexcept {
    if (!readers.empty() || !writers.empty())
        port::panic("a tcp_stream is closed while an operation is in flight");
    if (received) pbuf_free(received);
    if (tcp_pcb* p = pcb) {
        tcp_arg(p, nullptr);
        tcp_recv(p, nullptr);
        tcp_sent(p, nullptr);
        tcp_err(p, nullptr);
        tcp_poll(p, nullptr, 0);
        // It resets a connection where something was not read, as it should.
        if (tcp_close(p) != ERR_OK) tcp_abort(p);
        ip_interface::the().arm();
    }
    used = false;
}

connection* listener::pop() noexcept {
    connection* c = first;
    if (!c) return nullptr;
    first = c->next;
    if (!first) last = &first;
    c->next = nullptr;
    c->listener = nullptr;
    if (c->pcb) tcp_backlog_accepted(c->pcb);
    return c;
}

void listener::release() noexcept {
    if (!waiting.empty()) port::panic("a tcp_listener is closed while an accept() is in flight");
    while (connection* c = pop()) c->release();
    tcp_arg(pcb, nullptr);
    (void)tcp_close(pcb); // a listening one: never fails
    used = false;
}

bool read_operation::start(branch& b, continuation& then) noexcept {
    if (connection_) return base::start(b, then);
    failed_ = errc::not_connected;
    return finish_now(b, then);
}
bool read_operation::advance() noexcept {
    connection& c = *connection_;
    std::size_t n = c.take(to_.subspan(count_));
    if (n != 0) ip_interface::the().arm();
    count_ += n;
    if (count_ == to_.size() || (count_ != 0 && !whole_)) return true;
    if (c.finished) {
        if (whole_) failed_ = errc::end_of_file;
        return true;
    }
    if (c.pcb) return false;
    failed_ = error_of(c.failed);
    return true;
}
result<std::size_t> read_operation::await_resume() const noexcept {
    if (was_cancelled()) return failure(errc::cancelled);
    if (failed_.code() != errc::none) return failure(failed_);
    return count_;
}

bool write_operation::start(branch& b, continuation& then) noexcept {
    if (connection_) return base::start(b, then);
    failed_ = errc::not_connected;
    return finish_now(b, then);
}
bool write_operation::advance() noexcept {
    connection& c = *connection_;
    if (from_.empty()) return true;
    if (!c.pcb) {
        failed_ = error_of(c.failed);
        return true;
    }
    if (c.output_ended) {
        failed_ = errc::broken_pipe;
        return true;
    }
    err_t e = c.give(from_);
    ip_interface::the().arm();
    if (e != ERR_OK) failed_ = error_of(e);
    return e != ERR_OK || from_.empty() || (!whole_ && from_.size() != size_);
}
result<std::size_t> write_operation::await_resume() const noexcept {
    if (was_cancelled()) return failure(errc::cancelled);
    if (failed_.code() != errc::none) return failure(failed_);
    return size_ - from_.size();
}

} // namespace lwip

result<void> tcp_stream::shutdown_output() noexcept {
    if (!connection_ || !connection_->pcb) return failure(errc::not_connected);
    if (connection_->output_ended) return {};
    if (err_t e = tcp_shutdown(connection_->pcb, 0, 1); e != ERR_OK) return failure(lwip::error_of(e));
    connection_->output_ended = true;
    ip_interface::the().arm();
    return {};
}
result<void> tcp_stream::set_no_delay(bool on) noexcept {
    if (!connection_ || !connection_->pcb) return failure(errc::not_connected);
    if (on)
        tcp_nagle_disable(connection_->pcb);
    else
        tcp_nagle_enable(connection_->pcb);
    return {};
}
result<void> tcp_stream::set_keep_alive(bool on) noexcept {
    if (!connection_ || !connection_->pcb) return failure(errc::not_connected);
    if (on)
        ip_set_option(connection_->pcb, SOF_KEEPALIVE);
    else
        ip_reset_option(connection_->pcb, SOF_KEEPALIVE);
    return {};
}
result<endpoint> tcp_stream::local() const noexcept {
    return lwip::endpoint_of(connection_ ? connection_->pcb : nullptr, true);
}
result<endpoint> tcp_stream::peer() const noexcept {
    return lwip::endpoint_of(connection_ ? connection_->pcb : nullptr, false);
}
void tcp_stream::close() noexcept {
    if (lwip::connection* c = std::exchange(connection_, nullptr)) c->release();
}

result<tcp_listener> tcp_listener::bind(const endpoint& at, const listen_options& options) noexcept {
    (void)ip_interface::the();
    ip_addr_t address;
    if (auto native = lwip::to_native(at, address); !native) return failure(native.error());
    if (options.backlog < 1 || options.backlog > 255) return failure(errc::invalid_argument);
    lwip::listener* l = lwip::claim(lwip::listeners);
    if (!l) return failure(errc::limit_exceeded);
    tcp_pcb* pcb = tcp_new();
    err_t e = ERR_MEM;
    if (pcb) e = tcp_bind(pcb, &address, at.port());
    if (e == ERR_OK) l->pcb = tcp_listen_with_backlog_and_err(pcb, static_cast<u8_t>(options.backlog), &e);
    if (e != ERR_OK) {
        if (pcb) (void)tcp_close(pcb);
        l->used = false;
        return failure(lwip::error_of(e));
    }
    tcp_arg(l->pcb, l);
    tcp_accept(l->pcb, &lwip::has_connected);
    tcp_listener made;
    made.listener_ = l;
    return made;
}
result<endpoint> tcp_listener::local() const noexcept {
    return lwip::endpoint_of(listener_ ? listener_->pcb : nullptr, true);
}
void tcp_listener::close() noexcept {
    if (lwip::listener* l = std::exchange(listener_, nullptr)) l->release();
}

bool tcp_listener::accept_operation::start(branch& b, continuation& then) noexcept {
    if (listener_) return base::start(b, then);
    return finish_now(b, then);
}
result<tcp_stream> tcp_listener::accept_operation::await_resume() noexcept {
    if (was_cancelled()) return failure(errc::cancelled);
    if (!accepted_) return failure(errc::not_connected);
    return tcp_stream(accepted_);
}

} // namespace weft
