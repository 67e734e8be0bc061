#include <weft/lwip/udp.hpp>

#include <algorithm>
#include <cstring>

#include <weft/core/port.hpp>
#include <weft/lwip/interface.hpp>
#include <weft/lwip/native.hpp>

namespace weft {

namespace {

constinit udp_socket::state sockets[MEMP_NUM_UDP_PCB];

void has_come(void* self, udp_pcb*, pbuf* bytes, const ip_addr_t* from, u16_t port) noexcept {
    auto& s = *static_cast<udp_socket::state*>(self);
    if (s.count == udp_socket::most_kept) {
        pbuf_free(bytes);
        return;
    }
    s.datagrams[(s.first + s.count++) % udp_socket::most_kept] = {bytes, lwip::from_native(*from, port)};
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
    op.datagram_.size = pbuf_copy_partial(d.bytes, op.to_.data(), room, 0);
    op.datagram_.truncated = op.datagram_.size < d.bytes->tot_len;
    op.datagram_.from = d.from;
    pbuf_free(d.bytes);
    return true;
}
constinit const lwip::socket_kind udp_socket::receive_operation::receiving{{"receive", &cancel}, &advance};

error udp_socket::send_operation::send() noexcept {
    // Of Ethernet's 1500 bytes, after IP's header and its own.
    constexpr std::size_t most = 1500 - 20 - 8;
    if (!state_) return errc::not_connected;
    if (from_.size() > most) return errc::message_too_large;
    ip_addr_t address;
    if (auto native = lwip::to_native(to_, address); !native) return native.error();
    auto size = static_cast<u16_t>(from_.size());
    pbuf* p = pbuf_alloc(PBUF_TRANSPORT, size, PBUF_RAM);
    if (!p) return errc::out_of_memory;
    pbuf_take(p, from_.data(), size);
    err_t e = udp_sendto(state_->pcb, p, &address, to_.port());
    pbuf_free(p);
    ip_interface::the().arm();
    return e == ERR_OK ? error() : lwip::error_of(e);
}

result<endpoint> udp_socket::local() const noexcept {
    if (!state_) return failure(errc::not_connected);
    return lwip::from_native(state_->pcb->local_ip, state_->pcb->local_port);
}

void udp_socket::close() noexcept {
    state* s = std::exchange(state_, nullptr);
    if (!s) return;
    if (!s->readers.empty()) port::panic("a udp_socket is closed while a receive is in flight");
    if (s->pcb) udp_remove(s->pcb);
    for (; s->count != 0; --s->count) {
        pbuf_free(s->datagrams[s->first].bytes);
        s->first = (s->first + 1) % most_kept;
    }
    s->used = false;
}

} // namespace weft
