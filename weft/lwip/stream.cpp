#include <weft/lwip/stream.hpp>

#include <lwip/priv/tcp_priv.h>
#include <weft/core/port.hpp>
#include <weft/lwip/interface.hpp>

namespace weft {

namespace lwip {

namespace {

constinit connection connections[MEMP_NUM_TCP_PCB];

// Called by lwIP; `self` is the connection.
err_t has_come(void* self, tcp_pcb* pcb, pbuf* bytes, err_t) noexcept {
    auto& c = *static_cast<connection*>(self);
    if (!bytes) {
        c.input_ended = true;
        // Both directions have ended: lwIP does the rest, and frees the pcb without a word.
        if (c.output_ended) (void)c.detach();
    } else if (c.input_ended) {
        tcp_recved(pcb, bytes->tot_len);
        pbuf_free(bytes);
    } else if (!c.received) {
        c.received = bytes;
    } else {
        pbuf_cat(c.received, bytes);
    }
    serve(c.readers);
    return ERR_OK;
}
err_t has_room(void* self, tcp_pcb*, u16_t) noexcept {
    serve(static_cast<connection*>(self)->writers);
    return ERR_OK;
}
// Twice a second: lwIP's memory may have been full because of others.
err_t look_again(void* self, tcp_pcb*) noexcept { return has_room(self, nullptr, 0); }
// The pcb is gone.
void is_broken(void* self, err_t why) noexcept {
    auto& c = *static_cast<connection*>(self);
    c.pcb = nullptr;
    c.failed = why;
    serve(c.readers);
    serve(c.writers);
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
    case ERR_ABRT: code = errc::timed_out; break; // lwIP gives up a connection for this alone
    case ERR_RST: code = errc::connection_reset; break;
    case ERR_CLSD: code = errc::closed; break;
    default: code = errc::other;
    }
    return error(code, e);
}

connection* claim_connection() noexcept { return claim(connections); }

tcp_wait tcp_waits_for() noexcept {
    for (const tcp_pcb* p = tcp_active_pcbs; p; p = p->next) {
        constexpr unsigned lasting = TF_NODELAY | TF_BACKLOGPEND;
        bool open = p->state == ESTABLISHED || p->state == CLOSE_WAIT;
        if (!open || p->unsent || p->unacked || p->ooseq || (p->flags & ~lasting) ||
            ip_get_option(p, SOF_KEEPALIVE))
            return tcp_wait::answers;
        // look_again() has something to do.
        if (p->poll == &look_again && !static_cast<connection*>(p->callback_arg)->writers.empty())
            return tcp_wait::answers;
    }
    return tcp_tw_pcbs ? tcp_wait::lingers : tcp_wait::nothing;
}

result<endpoint> endpoint_of(const tcp_pcb* pcb, bool local) noexcept {
    if (!pcb) return failure(errc::not_connected);
    return from_native(local ? pcb->local_ip : pcb->remote_ip, local ? pcb->local_port : pcb->remote_port);
}

void connection::attach(tcp_pcb* p) noexcept {
    pcb = p;
    tcp_nagle_disable(p);
    tcp_arg(p, this);
    tcp_recv(p, &has_come);
    tcp_sent(p, &has_room);
    tcp_err(p, &is_broken);
    tcp_poll(p, &look_again, 1);
}

tcp_pcb* connection::detach() noexcept {
    tcp_pcb* p = std::exchange(pcb, nullptr);
    tcp_arg(p, nullptr);
    tcp_recv(p, nullptr);
    tcp_sent(p, nullptr);
    tcp_err(p, nullptr);
    tcp_poll(p, nullptr, 0);
    return p;
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
    has_read(taken);
    return taken;
}

leased_buffer connection::take() noexcept {
    pbuf* first = received;
    if (first->next) pbuf_ref(first->next);
    received = pbuf_dechain(first);
    leased_buffer taken(first, std::exchange(offset, 0));
    has_read(taken.size());
    return taken;
}

// The window opens by it; its count has 16 bits.
void connection::has_read(std::size_t bytes) noexcept {
    if (!pcb || bytes == 0) return;
    while (bytes != 0) {
        auto n = static_cast<u16_t>(std::min<std::size_t>(bytes, 0xffff));
        tcp_recved(pcb, n);
        bytes -= n;
    }
    ip_interface::the().arm();
}

result<std::size_t> connection::give(std::span<const std::byte> from) noexcept {
    if (output_ended) return failure(errc::broken_pipe);
    if (!pcb) return failure(error_of(failed));
    std::size_t given = 0;
    while (given < from.size()) {
        auto n = static_cast<u16_t>(std::min<std::size_t>(from.size() - given, tcp_sndbuf(pcb)));
        if (n == 0) break;
        err_t e = tcp_write(pcb, from.data() + given, n, TCP_WRITE_FLAG_COPY);
        // Too much at once for the memory that is left: less may do.
        while (e == ERR_MEM && n > TCP_MSS) {
            n = static_cast<u16_t>(n / 2);
            e = tcp_write(pcb, from.data() + given, n, TCP_WRITE_FLAG_COPY);
        }
        if (e == ERR_MEM) break;
        if (e != ERR_OK) return failure(error_of(e));
        given += n;
    }
    return given;
}

void connection::end_input() noexcept {
    input_ended = true;
    serve(readers);
}

result<void> connection::end_output() noexcept {
    if (output_ended) return {};
    if (err_t e = tcp_shutdown(pcb, 0, 1); e != ERR_OK) return failure(error_of(e));
    output_ended = true;
    ip_interface::the().arm();
    serve(writers);
    return {};
}

void connection::release() noexcept {
    if (!readers.empty() || !writers.empty())
        port::panic("a stream_socket is closed while an operation is in flight");
    if (received) pbuf_free(received);
    if (pcb) {
        tcp_pcb* p = detach();
        // It resets a connection where something was not read, as it should.
        if (tcp_close(p) != ERR_OK) tcp_abort(p);
        ip_interface::the().arm();
    }
    used = false;
}

// The buffers that are left begin with one that is not empty; true: there is none.
bool transfer_operation::at_end() noexcept {
    for (; left_ == 0 && lists_ != 0; --lists_) {
        if (kind == &reading) {
            auto* next = static_cast<const mutable_buffer*>(list_);
            at_ = static_cast<std::byte*>(next->data);
            left_ = next->size;
            list_ = next + 1;
        } else {
            auto* next = static_cast<const const_buffer*>(list_);
            at_ = static_cast<std::byte*>(const_cast<void*>(next->data));
            left_ = next->size;
            list_ = next + 1;
        }
    }
    return left_ == 0;
}

void transfer_operation::moved(std::size_t n) noexcept {
    at_ += n;
    left_ -= n;
    count_ += n;
}

bool transfer_operation::read(waiter& self) noexcept {
    auto& op = static_cast<transfer_operation&>(self);
    connection& c = *op.connection_;
    bool end;
    while (!(end = op.at_end())) {
        std::size_t n = c.take({op.at_, op.left_});
        if (n == 0) break;
        op.moved(n);
    }
    if (end || (op.count_ != 0 && !op.whole_)) return true;
    if (c.input_ended) {
        if (op.whole_) op.failed_ = errc::end_of_file;
        return true;
    }
    if (c.pcb) return false;
    op.failed_ = error_of(c.failed);
    return true;
}

bool transfer_operation::write(waiter& self) noexcept {
    auto& op = static_cast<transfer_operation&>(self);
    connection& c = *op.connection_;
    bool end, moved = false;
    while (!(end = op.at_end())) {
        result<std::size_t> n = c.give({op.at_, op.left_});
        if (!n) op.failed_ = n.error();
        if (!n || *n == 0) break;
        moved = true;
        op.moved(*n);
    }
    if (moved) {
        (void)tcp_output(c.pcb); // for want of memory lwIP repeats it
        ip_interface::the().arm();
    }
    return end || op.failed_.code() != errc::none || (op.count_ != 0 && !op.whole_);
}

result<std::size_t> transfer_operation::await_resume() const noexcept {
    if (error e = problem(); e.code() != errc::none) return failure(e);
    return count_;
}

constinit const socket_kind transfer_operation::reading{{"read", &cancel}, &read};
constinit const socket_kind transfer_operation::writing{{"write", &cancel}, &write};

bool leased_read_operation::read(waiter& self) noexcept {
    auto& op = static_cast<leased_read_operation&>(self);
    connection& c = *op.connection_;
    if (c.received && leased_buffer::lent() == leased_buffer::limit)
        op.failed_ = errc::limit_exceeded;
    else if (c.received)
        op.taken_ = c.take();
    else if (!c.input_ended && !c.pcb)
        op.failed_ = error_of(c.failed);
    return c.received || !op.taken_.empty() || c.input_ended || !c.pcb;
}
result<leased_buffer> leased_read_operation::await_resume() noexcept {
    if (error e = problem(); e != errc::none) return failure(e);
    return std::move(taken_);
}
constinit const socket_kind leased_read_operation::reading{{"read", &cancel}, &read};

} // namespace lwip

result<void> stream_socket::shutdown_output() noexcept {
    if (!connection_ || !connection_->pcb) return failure(errc::not_connected);
    return connection_->end_output();
}
result<void> stream_socket::shutdown_input() noexcept {
    if (!connection_ || !connection_->pcb) return failure(errc::not_connected);
    connection_->end_input();
    return {};
}
result<void> stream_socket::shutdown() noexcept {
    if (auto done = shutdown_input(); !done) return done;
    return connection_->end_output();
}
result<endpoint> stream_socket::local() const noexcept {
    return lwip::endpoint_of(connection_ ? connection_->pcb : nullptr, true);
}
result<endpoint> stream_socket::peer() const noexcept {
    return lwip::endpoint_of(connection_ ? connection_->pcb : nullptr, false);
}
void stream_socket::close() noexcept {
    if (lwip::connection* c = std::exchange(connection_, nullptr)) c->release();
}

} // namespace weft
