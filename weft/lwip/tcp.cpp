#include <weft/lwip/tcp.hpp>

#include <weft/core/port.hpp>
#include <weft/lwip/interface.hpp>

namespace weft {

namespace lwip {

namespace {

constinit listener listeners[MEMP_NUM_TCP_PCB_LISTEN];

// Called by lwIP.
err_t is_accepted(void* self, tcp_pcb* pcb, err_t e) noexcept {
    auto& l = *static_cast<listener*>(self);
    if (e != ERR_OK || !pcb) return ERR_VAL;
    connection* c = claim_connection();
    if (!c) return ERR_MEM; // lwIP resets it
    tcp_backlog_delayed(pcb);
    c->attach(pcb);
    *l.last = c;
    l.last = &c->next;
    serve(l.waiting);
    return ERR_OK;
}
err_t is_connected(void* self, tcp_pcb*, err_t) noexcept {
    auto& c = *static_cast<connection*>(self);
    c.connected = true;
    serve(c.writers);
    return ERR_OK;
}

} // namespace

connection* listener::pop() noexcept {
    connection* c = first;
    if (!c) return nullptr;
    first = c->next;
    if (!first) last = &first;
    c->next = nullptr;
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

} // namespace lwip

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

tcp_stream::connect_operation::connect_operation(lwip::connection* c, const endpoint& to,
                                                 const endpoint& from) noexcept
    : socket_operation(connecting, c ? &c->writers : nullptr), connection_(c), made_(c), to_port_(to.port()),
      from_port_(from.port()), bound_(from.family() != endpoint::kind::none) {
    (void)ip_interface::the();
    if (!c) {
        failed_ = errc::limit_exceeded;
        return;
    }
    if (to.family() == endpoint::kind::none) failed_ = errc::invalid_argument;
    if (auto native = lwip::to_native(to, to_); !native && failed_ == errc::none) failed_ = native.error();
    if (failed_ == errc::none && (ip_addr_isany_val(to_) || to_port_ == 0)) failed_ = errc::invalid_argument;
    if (!bound_) return;
    if (auto native = lwip::to_native(from, from_); !native) failed_ = native.error();
}

error tcp_stream::connect_operation::begin() noexcept {
    tcp_pcb* pcb = tcp_new();
    if (!pcb) return errc::limit_exceeded;
    connection_->attach(pcb); // is freed with it
    err_t e = ERR_OK;
    if (bound_) e = tcp_bind(pcb, &from_, from_port_);
    if (e == ERR_OK) e = tcp_connect(pcb, &to_, to_port_, &lwip::is_connected);
    ip_interface::the().arm();
    return e == ERR_OK ? error() : lwip::error_of(e);
}

bool tcp_stream::connect_operation::advance(waiter& self) noexcept {
    auto& op = static_cast<connect_operation&>(self);
    const lwip::connection& c = *op.connection_;
    if (!op.begun_) {
        op.begun_ = true;
        if (op.failed_ == errc::none) op.failed_ = op.begin();
        return op.failed_ != errc::none;
    }
    if (c.connected) return true;
    if (c.pcb) return false;
    op.failed_ = c.failed == ERR_RST ? error(errc::connection_refused, ERR_RST) : lwip::error_of(c.failed);
    return true;
}
void tcp_stream::connect_operation::withdraw(waiter& self) noexcept {
    static_cast<connect_operation&>(self).made_.close();
}
result<tcp_stream> tcp_stream::connect_operation::await_resume() noexcept {
    if (error e = problem(); e != errc::none) {
        made_.close();
        return failure(e);
    }
    return std::move(made_);
}
constinit const lwip::socket_kind tcp_stream::connect_operation::connecting{
    {"connect", &cancel}, &advance, &withdraw};

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
    tcp_accept(l->pcb, &lwip::is_accepted);
    tcp_listener made;
    made.listener_ = l;
    return made;
}
result<endpoint> tcp_listener::local() const noexcept {
    if (!listener_) return failure(errc::not_connected);
    return lwip::from_native(listener_->pcb->local_ip, listener_->pcb->local_port);
}
void tcp_listener::close() noexcept {
    if (lwip::listener* l = std::exchange(listener_, nullptr)) l->release();
}

bool tcp_listener::accept_operation::advance(waiter& self) noexcept {
    auto& op = static_cast<accept_operation&>(self);
    lwip::connection* c = op.listener_->pop();
    if (c) op.accepted_ = tcp_stream(c);
    return c != nullptr;
}
result<tcp_stream> tcp_listener::accept_operation::await_resume() noexcept {
    if (error e = problem(); e != errc::none) return failure(e);
    return std::move(accepted_);
}
constinit const lwip::socket_kind tcp_listener::accept_operation::accepting{{"accept", &cancel}, &advance};

} // namespace weft
