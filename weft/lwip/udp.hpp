// UDP on a chip: udp_socket as weft/io/udp.hpp has it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <lwip/udp.h>
#include <weft/core/result.hpp>
#include <weft/lwip/native.hpp>

namespace weft {

struct received_datagram {
    received_datagram() noexcept {}
    std::size_t size = 0; // bytes in the buffer
    endpoint from;
    bool truncated = false; // the datagram was longer than the buffer; the rest is lost
};

// A socket of a pool of MEMP_NUM_UDP_PCB. Keeps `most_kept` datagrams that nobody has received yet; more are lost. Operations
// in tasks on the interface's executor, where they resume; no allocation but lwIP's pools. Borrows its buffers.
class udp_socket {
  public:
    static constexpr std::size_t most_kept = 4;
    class receive_operation;
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

    // Yields received_datagram; errc::cancelled after a stop, not_connected without a socket. First in, first out.
    receive_operation receive_from(std::span<std::byte> to) noexcept;
    // Yields the size. Does not wait. message_too_large if the network does not take it in one piece, unreachable,
    // out_of_memory, not_supported (no IPv4), not_connected without a socket.
    send_operation send_to(std::span<const std::byte> bytes, const endpoint& to) noexcept;

    result<endpoint> local() const noexcept;
    explicit operator bool() const noexcept { return state_ != nullptr; }
    // To close while a receive is in flight panics.
    void close() noexcept;

    struct state;

  private:
    state* state_ = nullptr;
};

struct udp_socket::state {
    struct kept {
        pbuf* bytes = nullptr;
        endpoint from;
    };
    bool used = false;
    udp_pcb* pcb = nullptr;
    std::size_t first = 0, count = 0;
    kept datagrams[most_kept];
    wait_queue<no_lock> readers;
};

class [[nodiscard("co_await it")]] udp_socket::receive_operation : public lwip::socket_operation {
  public:
    receive_operation(state* s, std::span<std::byte> to) noexcept
        : socket_operation(receiving, s ? &s->readers : nullptr), state_(s), to_(to) {}

    result<received_datagram> await_resume() const noexcept {
        if (error e = problem(); e != errc::none) return failure(e);
        return datagram_;
    }

  private:
    static bool advance(waiter& self) noexcept;
    static const lwip::socket_kind receiving;

    state* state_;
    std::span<std::byte> to_;
    received_datagram datagram_;
};

class [[nodiscard("co_await it")]] udp_socket::send_operation : public operation<udp_socket::send_operation> {
  public:
    send_operation(state* s, std::span<const std::byte> from, const endpoint& to) noexcept
        : operation(sending), state_(s), from_(from), to_(to) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) {
            failed_ = errc::cancelled;
            return yield(b, then);
        }
        failed_ = send();
        return finish_now(b, then);
    }
    result<std::size_t> await_resume() const noexcept {
        if (failed_.code() != errc::none) return failure(failed_);
        return from_.size();
    }

  private:
    error send() noexcept;
    static void no_cancel(leaf&) noexcept {}
    static constexpr leaf_kind sending{"send", &no_cancel};

    state* state_;
    std::span<const std::byte> from_;
    endpoint to_;
    error failed_;
};

inline udp_socket::receive_operation udp_socket::receive_from(std::span<std::byte> to) noexcept {
    return {state_, to};
}
inline udp_socket::send_operation udp_socket::send_to(std::span<const std::byte> bytes,
                                                      const endpoint& to) noexcept {
    return {state_, bytes, to};
}

} // namespace weft
