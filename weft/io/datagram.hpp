// Datagrams: what UDP and Unix datagram sockets share.
#pragma once

#include <span>

#include <weft/core/result.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>
#include <weft/io/received_datagram.hpp>

namespace weft {

// Sends or receives one datagram with an address.
class datagram_operation_base {
  protected:
    datagram_operation_base(std::span<std::byte> bytes) noexcept : buffer_(bytes.data(), bytes.size()) {}
    void arrange() noexcept {
        message_.address = &address_;
        message_.buffers = &buffer_;
        message_.buffer_count = 1;
    }

    mutable_buffer buffer_;
    native_address address_;
    io_message message_;
};

class [[nodiscard("co_await it")]] send_to_operation : datagram_operation_base,
                                                       public host_operation<send_to_operation> {
  public:
    send_to_operation(descriptor& on, std::span<const std::byte> from, const endpoint& to) noexcept
        : datagram_operation_base({const_cast<std::byte*>(from.data()), from.size()}),
          host_operation(sending, io_code::send_message, on, nullptr, 1) {
        host::to_native(to, address_);
    }
    bool start(branch& b, continuation& then) noexcept {
        arrange();
        data = &message_;
        return host_operation::start(b, then);
    }
    result<std::size_t> await_resume() noexcept { return number(); }

  private:
    static constexpr leaf_kind sending{"send", &request_cancel};
};

class [[nodiscard("co_await it")]] receive_from_operation : datagram_operation_base,
                                                            public host_operation<receive_from_operation> {
  public:
    receive_from_operation(descriptor& on, std::span<std::byte> to) noexcept
        : datagram_operation_base(to), host_operation(receiving, io_code::receive_message, on, nullptr, 1) {}
    bool start(branch& b, continuation& then) noexcept {
        arrange();
        data = &message_;
        return host_operation::start(b, then);
    }
    result<received_datagram> await_resume() noexcept {
        if (outcome < 0) return failure(host::error_of(outcome));
        received_datagram d;
        d.size = static_cast<std::size_t>(outcome);
        d.from = host::from_native(address_);
        d.truncated = message_.truncated;
        return d;
    }

  private:
    static constexpr leaf_kind receiving{"receive", &request_cancel};
};

// Sends or receives one datagram on a connected socket.
class [[nodiscard("co_await it")]] packet_operation : public host_operation<packet_operation> {
  public:
    packet_operation(const leaf_kind& kind, io_code what, descriptor& on, void* at, std::size_t n) noexcept
        : host_operation(kind, what, on, at, n) {}
    result<std::size_t> await_resume() noexcept { return number(); }
    static void request_cancel(leaf& self) noexcept { host_operation::request_cancel(self); }
};

namespace detail {
inline constexpr leaf_kind sending_packet{"send", &packet_operation::request_cancel};
inline constexpr leaf_kind receiving_packet{"receive", &packet_operation::request_cancel};
} // namespace detail

// All operations borrow their buffers until they have ended, allocate nothing, resume on the home executor, and yield
// errc::cancelled after a stop that came before the datagram did. Waiters are served first in, first out.
class datagram_socket {
  public:
    datagram_socket() noexcept = default;
    explicit datagram_socket(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    // message_too_large if the network does not take it in one piece.
    send_to_operation send_to(std::span<const std::byte> bytes, const endpoint& to) noexcept {
        return {descriptor_, bytes, to};
    }
    receive_from_operation receive_from(std::span<std::byte> to) noexcept { return {descriptor_, to}; }

    // Datagrams go to `peer` from now on, and come from there only. Does not wait.
    result<void> connect(const endpoint& peer) noexcept {
        return host::connect_at_once(descriptor_.native(), peer);
    }
    // On a connected socket. connection_refused if the peer's host said that nobody listens.
    packet_operation send(std::span<const std::byte> bytes) noexcept {
        return {detail::sending_packet, io_code::send, descriptor_, const_cast<std::byte*>(bytes.data()),
                bytes.size()};
    }
    // What does not fit into the buffer is lost; receive_from() tells of it. 0 is an empty datagram.
    packet_operation receive(std::span<std::byte> to) noexcept {
        return {detail::receiving_packet, io_code::receive, descriptor_, to.data(), to.size()};
    }

    result<endpoint> local() const noexcept { return host::local_endpoint(descriptor_.native()); }
    result<endpoint> peer() const noexcept { return host::peer_endpoint(descriptor_.native()); }
    result<void> set(socket_option which, int value) noexcept {
        return host::set_option(descriptor_.native(), which, value);
    }
    result<int> get(socket_option which) const noexcept {
        return host::get_option(descriptor_.native(), which);
    }
    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    // To close while an operation is in flight panics: see descriptor.
    void close() noexcept { descriptor_.reset(); }
    descriptor& handle() noexcept { return descriptor_; }

  protected:
    descriptor descriptor_;
};

} // namespace weft
