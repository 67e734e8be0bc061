#include <weft/lwip/interface.hpp>

#include <cstring>

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>
#include <weft/core/port.hpp>
#include <weft/lwip/stream.hpp>
#include <weft/lwip/udp.hpp>

namespace weft {

namespace {

constexpr std::int64_t nanoseconds_in_ms = 1'000'000, second = 1000 * nanoseconds_in_ms;
constexpr int linger_ticks = 20; // of half a second, at once, where nothing but the end is waited for
ip_interface* the_interface = nullptr;
std::uint32_t random_state;

} // namespace

extern "C" void weft_lwip_panic(const char* why) { port::panic(why); }
// xorshift32: Marsaglia, "Xorshift RNGs", 2003.
extern "C" unsigned weft_lwip_random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

ip_interface& ip_interface::the() noexcept {
    if (!the_interface) port::panic("a socket before ip_interface::start()");
    return *the_interface;
}

void ip_interface::start(const ip_address& at, std::uint32_t seed) noexcept {
    if (the_interface) port::panic("ip_interface::start() a second time");
    the_interface = this;
    home_ = port::current();
    random_state = seed | 1; // zero would stay zero
    lwip_init();
    ip4_addr_t address, mask, gateway;
    std::memcpy(&address.addr, at.address.data(), 4);
    std::memcpy(&mask.addr, at.mask.data(), 4);
    std::memcpy(&gateway.addr, at.gateway.data(), 4);
    aged_at_ = port::now();
    netif_add(&netif_, &address, &mask, &gateway, this, &begin, &ethernet_input);
    netif_set_default(&netif_);
    netif_set_up(&netif_);
}

err_t ip_interface::begin(netif* n) noexcept {
    auto& self = *static_cast<ip_interface*>(n->state);
    n->hwaddr_len = static_cast<u8_t>(self.card_.address().size());
    std::memcpy(n->hwaddr, self.card_.address().data(), n->hwaddr_len);
    n->mtu = 1500;
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP | NETIF_FLAG_ETHERNET;
    n->output = &send_packet;
    n->linkoutput = &send;
    n->name[0] = 'v';
    n->name[1] = 'n';
    return ERR_OK;
}

err_t ip_interface::send_packet(netif* n, pbuf* p, const ip4_addr_t* to) noexcept {
    static_cast<ip_interface*>(n->state)->age_addresses();
    return etharp_output(n, p, to);
}

// A full queue is an error that TCP repeats as soon as there is room again: see send_frames().
err_t ip_interface::send(netif* n, pbuf* p) noexcept {
    auto& self = *static_cast<ip_interface*>(n->state);
    if (p->tot_len > drivers::virtio_net::longest_frame) return ERR_BUF;
    if (!self.has_room()) return ERR_MEM;
    frame& f = self.frames_[(self.first_ + self.count_++) % queue_length];
    f.bytes = pbuf_copy_partial(p, f.at, p->tot_len, 0);
    self.has_frames_.set();
    // A request of ARP (RFC 826) is repeated each second, ARP_MAXPENDING times, and then forgotten.
    constexpr std::byte arp{0x06};
    constexpr unsigned forgotten_after = 6;
    if (f.at[12] != std::byte{0x08} || f.at[13] != arp || self.repeats_) return ERR_OK;
    self.requests_age_for_ = forgotten_after;
    if (!self.arp_.runs) self.start(self.arp_, second);
    return ERR_OK;
}

task<> ip_interface::receive_frames() {
    for (;;) {
        auto frame = co_await card_.receive();
        if (!frame) {
            if (frame.error() == errc::cancelled) co_return;
            continue;
        }
        // Without memory the frame is lost, as on the wire.
        auto bytes = frame->bytes();
        auto size = static_cast<u16_t>(bytes.size());
        pbuf* p = pbuf_alloc(PBUF_RAW, size, PBUF_POOL);
        if (!p) continue;
        pbuf_take(p, bytes.data(), size);
        if (netif_.input(p, &netif_) != ERR_OK) pbuf_free(p);
        arm();
    }
}

task<> ip_interface::send_frames() {
    for (;;) {
        if (count_ == 0) {
            auto woken = co_await has_frames_.wait();
            if (!woken) co_return;
            continue;
        }
        frame& f = frames_[first_];
        auto sent = co_await card_.transmit(std::span(f.at).first(f.bytes));
        if (!sent && sent.error() == errc::cancelled) co_return;
        first_ = (first_ + 1) % queue_length;
        if (count_-- != queue_length) continue;
        tcp_txnow();
        arm();
        for (udp_pcb* p = udp_pcbs; p && has_room(); p = p->next)
            lwip::serve(static_cast<udp_socket::state*>(p->recv_arg)->writers);
    }
}

void ip_interface::start(ticker& t, std::int64_t after) noexcept {
    t.runs = true;
    t.deadline = port::now() + after;
    port::insert_timer(*home_, t);
}

void ip_interface::arm() noexcept {
    if (tcp_.runs && !lingers_) return;
    lwip::tcp_wait what = lwip::tcp_waits_for();
    if (what == lwip::tcp_wait::nothing || (tcp_.runs && what == lwip::tcp_wait::lingers)) return;
    if (tcp_.runs) port::remove_timer(*home_, tcp_);
    lingers_ = what == lwip::tcp_wait::lingers;
    start(tcp_, lingers_ ? linger_ticks * TCP_SLOW_INTERVAL * nanoseconds_in_ms
                         : TCP_TMR_INTERVAL * nanoseconds_in_ms);
}

// lwIP's clock counts these calls: it stands still while there is nothing to wait for.
void ip_interface::tcp_tick(timer& self) noexcept {
    auto& t = static_cast<ticker&>(self);
    t.runs = false;
    ++t.interface.ticks_;
    if (t.interface.lingers_)
        for (int i = 0; i < linger_ticks; ++i) tcp_slowtmr();
    else
        tcp_tmr();
    t.interface.arm();
}

void ip_interface::arp_tick(timer& self) noexcept {
    auto& t = static_cast<ticker&>(self);
    ip_interface& i = t.interface;
    t.runs = false;
    ++i.ticks_;
    i.age_addresses();
    if (--i.requests_age_for_ != 0) i.start(t, second);
}

// What is known grows old by the second; nobody looks at it before it is used.
void ip_interface::age_addresses() noexcept {
    constexpr unsigned oldest = 300; // ARP_MAXAGE: then everything has been forgotten
    std::int64_t now = port::now();
    for (unsigned i = 0; i < oldest && now - aged_at_ >= second; ++i) {
        aged_at_ += second;
        repeats_ = true;
        etharp_tmr();
        repeats_ = false;
    }
    if (now - aged_at_ >= second) aged_at_ = now;
}

} // namespace weft
