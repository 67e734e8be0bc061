#include <weft/lwip/udp.hpp>

#include <algorithm>

#include <weft/core/port.hpp>
#include <weft/lwip/interface.hpp>

namespace weft {

namespace {

constinit udp_socket::state sockets[MEMP_NUM_UDP_PCB];

void has_come(void* self, udp_pcb*, pbuf* bytes, const ip_addr_t* from, u16_t port) noexcept {
    auto& s = *static_cast<udp_socket::state*>(self);
    if (s.count == udp_socket::most_kept) {
        pbuf_free(bytes);
        return;
    }
    s.datagrams[(s.first + s.count++) % udp_socket::most_kept] = {bytes, *from, port};
    lwip::serve(s.readers);
}

} // namespace

result<udp_socket> udp_socket::bind(const endpoint& at) noexcept {
    (void)ip_interface::the();
    ip_addr_t address;
    if (auto native = lwip::to_native(at, address); !native) return failure(native.error());
    state* s = lwip::claim(sockets);
    if (!s) return failure(errc::limit_exceeded);
    udp_socket made;
    made.state_ = s;
    s->pcb = udp_new();
    if (!s->pcb) return failure(errc::out_of_memory);
    if (err_t e = udp_bind(s->pcb, &address, at.port()); e != ERR_OK) return failure(lwip::error_of(e));
    udp_recv(s->pcb, &has_come, s);
    return made;
}

bool udp_socket::receive_operation::advance(waiter& self) noexcept {
    auto& op = static_cast<receive_operation&>(self);
    state& s = *op.state_;
    if (s.count == 0) return false;
    state::kept& d = s.datagrams[s.first];
    s.first = (s.first + 1) % most_kept;
    --s.count;
    auto room = static_cast<u16_t>(std::min<std::size_t>(op.to_.size(), 0xffff));
    op.size_ = pbuf_copy_partial(d.bytes, op.to_.data(), room, 0);
    op.truncated_ = op.size_ < d.bytes->tot_len;
    op.from_ = d.from;
    op.port_ = d.port;
    pbuf_free(d.bytes);
    return true;
}
constinit const lwip::socket_kind udp_socket::receive_operation::receiving{{"receive", &cancel}, &advance};

udp_socket::send_operation::send_operation(state* s, std::span<const std::byte> from,
                                           const endpoint* to) noexcept
    : socket_operation(sending, s ? &s->writers : nullptr), state_(s), from_(from), to_peer_(!to) {
    // Of Ethernet's 1500 bytes, after IP's header and its own.
    constexpr std::size_t most = 1500 - 20 - 8;
    if (to) port_ = to->port();
    if (auto native = to ? lwip::to_native(*to, to_) : result<void>(); !native && s) failed_ = native.error();
    if (s && from.size() > most) failed_ = errc::message_too_large;
}

error udp_socket::send_operation::send() noexcept {
    if (to_peer_ && !(state_->pcb->flags & UDP_FLAGS_CONNECTED)) return errc::not_connected;
    auto size = static_cast<u16_t>(from_.size());
    pbuf* p = pbuf_alloc(PBUF_TRANSPORT, size, PBUF_RAM);
    if (!p) return errc::out_of_memory;
    pbuf_take(p, from_.data(), size);
    err_t e = to_peer_ ? udp_send(state_->pcb, p) : udp_sendto(state_->pcb, p, &to_, port_);
    pbuf_free(p);
    return e == ERR_OK ? error() : lwip::error_of(e);
}
bool udp_socket::send_operation::advance(waiter& self) noexcept {
    auto& op = static_cast<send_operation&>(self);
    if (op.failed_ != errc::none) return true;
    if (!ip_interface::the().has_room()) return false;
    op.failed_ = op.send();
    return true;
}
constinit const lwip::socket_kind udp_socket::send_operation::sending{{"send", &cancel}, &advance};

result<void> udp_socket::connect(const endpoint& peer) noexcept {
    if (!state_) return failure(errc::not_connected);
    ip_addr_t address;
    if (auto native = lwip::to_native(peer, address); !native) return failure(native.error());
    if (err_t e = udp_connect(state_->pcb, &address, peer.port()); e != ERR_OK)
        return failure(lwip::error_of(e));
    return {};
}

result<endpoint> udp_socket::local() const noexcept {
    if (!state_) return failure(errc::not_connected);
    return lwip::from_native(state_->pcb->local_ip, state_->pcb->local_port);
}
result<endpoint> udp_socket::peer() const noexcept {
    if (!state_ || !(state_->pcb->flags & UDP_FLAGS_CONNECTED)) return failure(errc::not_connected);
    return lwip::from_native(state_->pcb->remote_ip, state_->pcb->remote_port);
}

void udp_socket::close() noexcept {
    state* s = std::exchange(state_, nullptr);
    if (!s) return;
    if (!s->readers.empty() || !s->writers.empty())
        port::panic("a udp_socket is closed while an operation is in flight");
    if (s->pcb) udp_remove(s->pcb);
    for (; s->count != 0; --s->count) {
        pbuf_free(s->datagrams[s->first].bytes);
        s->first = (s->first + 1) % most_kept;
    }
    s->used = false;
}

} // namespace weft
