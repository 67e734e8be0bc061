// ip_interface: a network card with an IPv4 address, and lwIP on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <drivers/virtio_net.hpp>
#include <lwip/netif.h>
#include <weft/core/event.hpp>
#include <weft/core/machine/timer.hpp>
#include <weft/core/task.hpp>

namespace weft {

struct ip_address {
    std::array<std::uint8_t, 4> address, mask, gateway;
};

// There is one, since lwIP is one. All of it, the sockets too, belongs to one executor: that which called start(). Bounded
// memory: weft/lwip/lwipopts.h. Lives for ever.
class ip_interface {
  public:
    explicit ip_interface(drivers::virtio_net& card) noexcept
        : card_(card), tcp_(tcp_ticks, *this), arp_(arp_ticks, *this) {}
    ip_interface(const ip_interface&) = delete;
    ip_interface& operator=(const ip_interface&) = delete;

    // Once, before sockets are made, with a card that has been started; in a task. `seed` makes port and sequence numbers
    // hard to guess: from a virtio_rng, or another source of true chance.
    void start(const ip_address& at, std::uint32_t seed) noexcept;

    // Two tasks that end with a stop alone and that somebody runs, or nothing moves.
    task<> receive_frames();
    task<> send_frames();

    // After each call of lwIP that may have given TCP something to wait for. While it waits, lwIP is called four times a second,
    // and each ten seconds for connections that linger after their end; else, also with idle connections, nothing wakes the
    // chip.
    void arm() noexcept;
    // For one more frame in the queue.
    bool has_room() const noexcept { return count_ != queue_length; }
    // How often lwIP's timers have woken the chip.
    std::uint32_t ticks() const noexcept { return ticks_; }
    static ip_interface& the() noexcept;

  private:
    static constexpr std::size_t queue_length = 16;
    struct frame {
        std::uint16_t bytes;
        std::byte at[drivers::virtio_net::longest_frame];
    };
    struct ticker : timer {
        ticker(const timer_kind& k, ip_interface& i) noexcept : timer(k), interface(i) {}
        ip_interface& interface;
        bool runs = false;
    };
    static void no_cancel(leaf&) noexcept {}
    static void tcp_tick(timer& self) noexcept;
    static void arp_tick(timer& self) noexcept;
    static constexpr timer::timer_kind tcp_ticks{{"TCP", &no_cancel}, &tcp_tick};
    static constexpr timer::timer_kind arp_ticks{{"ARP", &no_cancel}, &arp_tick};
    void start(ticker& t, std::int64_t after) noexcept;
    void age_addresses() noexcept;

    static err_t begin(netif* n) noexcept;
    static err_t send_packet(netif* n, pbuf* p, const ip4_addr_t* to) noexcept;
    static err_t send(netif* n, pbuf* p) noexcept;

    drivers::virtio_net& card_;
    executor* home_ = nullptr;
    netif netif_{};
    ticker tcp_, arp_;
    bool lingers_ = false; // the tick that runs is a long one
    std::uint32_t ticks_ = 0;
    std::int64_t aged_at_ = 0;      // until when the table of addresses has aged
    bool repeats_ = false;          // requests that lwIP repeats are being sent
    unsigned requests_age_for_ = 0; // seconds, since one was sent
    // Frames that are to be sent, a ring: lwIP does not wait.
    local::auto_event has_frames_;
    std::size_t first_ = 0, count_ = 0;
    frame frames_[queue_length];
};

} // namespace weft
