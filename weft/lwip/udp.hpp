// UDP on a chip: udp_socket as weft/io/udp.hpp has it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <lwip/udp.h>
#include <weft/core/result.hpp>
#include <weft/io/byte_stream.hpp>
#include <weft/lwip/native.hpp>

namespace weft {

namespace lwip {

// A socket of a pool of MEMP_NUM_UDP_PCB. Keeps `most_kept` datagrams that nobody has received yet; more are lost. Operations
// in tasks on the interface's executor, where they resume; no allocation but lwIP's pools. Borrows its buffers. Waiters are
// served first in, first out; a stop that comes before the datagram does yields errc::cancelled, and loses none.
class udp_socket {
  public:
    static constexpr std::size_t most_kept = 4;
    class receive_operation;
    class receive_from_operation;
    class send_operation;

    udp_socket() noexcept = default;
    udp_socket(udp_socket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    udp_socket& operator=(udp_socket&& other) noexcept {
        if (this != &other) {
            close();
            state_ = std::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~udp_socket() { close(); }

    // Port 0 lets lwIP choose. Does not wait. Errors: address_in_use, not_supported (no IPv4), limit_exceeded.
    static result<udp_socket> bind(const endpoint& at) noexcept;

    // Yields received_datagram; not_connected without a socket.
    receive_from_operation receive_from(std::span<std::byte> to) noexcept;
    // Yields the size when the datagram is on its way; waits while the interface's queue is full. message_too_large if the
    // network does not take it in one piece, unreachable, out_of_memory, not_supported (no IPv4), not_connected without a
    // socket.
    send_operation send_to(std::span<const std::byte> bytes, const endpoint& to) noexcept;

    // Datagrams go to `peer` from now on, and come from there only, but for those that have come already. Does not wait.
    // not_supported (no IPv4), unreachable, not_connected without a socket.
    result<void> connect(const endpoint& peer) noexcept;
    // On a connected socket; not_connected on another one. Whether somebody listens there, lwIP does not tell.
    send_operation send(std::span<const std::byte> bytes) noexcept;
    // Yields the size. What does not fit into the buffer is lost; receive_from() tells of it. 0 is an empty datagram.
    receive_operation receive(std::span<std::byte> to) noexcept;

    result<endpoint> local() const noexcept;
    // not_connected on a socket that is not.
    result<endpoint> peer() const noexcept;
    explicit operator bool() const noexcept { return state_ != nullptr; }
    // To close while an operation is in flight panics.
    void close() noexcept;

    struct state;

  private:
    state* state_ = nullptr;
};

struct udp_socket::state {
    struct kept {
        pbuf* bytes = nullptr;
        ip_addr_t from{};
        std::uint16_t port = 0;
    };
    bool used = false;
    udp_pcb* pcb = nullptr;
    std::size_t first = 0, count = 0;
    kept datagrams[most_kept];
    wait_queue<no_lock> readers, writers;
};

class [[nodiscard("co_await it")]] udp_socket::receive_operation : public lwip::socket_operation {
  public:
    receive_operation(state* s, std::span<std::byte> to) noexcept
        : socket_operation(receiving, s ? &s->readers : nullptr), state_(s), to_(to) {}

    result<std::size_t> await_resume() const noexcept {
        if (error e = problem(); e != errc::none) return failure(e);
        return size_;
    }

  protected:
    std::size_t size_ = 0;
    bool truncated_ = false;
    std::uint16_t port_ = 0;
    ip_addr_t from_{};

  private:
    static bool advance(waiter& self) noexcept;
    static const lwip::socket_kind receiving;

    state* state_;
    std::span<std::byte> to_;
};

class [[nodiscard("co_await it")]] udp_socket::receive_from_operation : public receive_operation {
  public:
    using receive_operation::receive_operation;

    result<received_datagram> await_resume() const noexcept {
        if (error e = problem(); e != errc::none) return failure(e);
        received_datagram d;
        d.size = size_;
        d.truncated = truncated_;
        d.from = lwip::from_native(from_, port_);
        return d;
    }
};

class [[nodiscard("co_await it")]] udp_socket::send_operation : public lwip::socket_operation {
  public:
    send_operation(state* s, std::span<const std::byte> from, const endpoint* to) noexcept;

    result<std::size_t> await_resume() const noexcept {
        if (error e = problem(); e != errc::none) return failure(e);
        return from_.size();
    }

  private:
    static bool advance(waiter& self) noexcept;
    error send() noexcept;
    static const lwip::socket_kind sending;

    state* state_;
    std::span<const std::byte> from_;
    ip_addr_t to_{};
    std::uint16_t port_ = 0;
    bool to_peer_;
};

inline udp_socket::receive_operation udp_socket::receive(std::span<std::byte> to) noexcept {
    return {state_, to};
}
inline udp_socket::receive_from_operation udp_socket::receive_from(std::span<std::byte> to) noexcept {
    return {state_, to};
}
inline udp_socket::send_operation udp_socket::send(std::span<const std::byte> bytes) noexcept {
    return {state_, bytes, nullptr};
}
inline udp_socket::send_operation udp_socket::send_to(std::span<const std::byte> bytes,
                                                      const endpoint& to) noexcept {
    return {state_, bytes, &to};
}

static_assert(datagrams<udp_socket>);

} // namespace lwip

using lwip::udp_socket;

} // namespace weft
