// Sockets between the processes of one machine: unix_listener, unix_stream, unix_datagram.
#pragma once

#include <utility>

#include <weft/io/byte_stream.hpp>
#include <weft/io/datagram.hpp>
#include <weft/io/descriptor_passing.hpp>
#include <weft/io/socket_operation.hpp>
#include <weft/io/stream.hpp>

namespace weft {

// As tcp_stream; and descriptors travel along.
class unix_stream : public stream_socket {
  public:
    unix_stream() noexcept = default;
    // Takes over a connected socket. Bytes with and without descriptors come in separate reads.
    explicit unix_stream(descriptor&& d) noexcept : stream_socket(std::move(d)) {
        descriptor_.io().records = true;
    }

    // Two ends, connected to each other. Does not wait.
    static result<std::pair<unix_stream, unix_stream>> pair() noexcept;
    // As tcp_stream::connect. not_found or connection_refused if nobody listens there; busy if the listener's backlog is
    // full and the back-end cannot wait for that.
    static connect_operation<unix_stream> connect(const endpoint& to) noexcept { return {to, endpoint()}; }

    // Writes some of `bytes`, at least one, and with the first of them up to 16 descriptors, which stay open here too.
    // invalid_argument for more, or without bytes. Yields the number of bytes.
    send_descriptors_operation send_with_descriptors(std::span<const std::byte> bytes,
                                                     std::span<const descriptor* const> sent) noexcept {
        return {descriptor_, bytes, sent};
    }
    // Reads some bytes and the descriptors that came with them. Nothing leaks: what finds no room is closed, and what
    // arrives in spite of a stop is yielded.
    receive_descriptors_operation receive_with_descriptors(std::span<std::byte> to,
                                                           std::span<descriptor> descriptors) noexcept {
        return {descriptor_, to, descriptors};
    }
};

static_assert(lending_stream<unix_stream>);

class unix_listener {
  public:
    unix_listener() noexcept = default;
    // Takes over a listening socket.
    explicit unix_listener(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    // Makes the socket's file; address_in_use if there is one, also of a listener that is gone. Does not wait.
    static result<unix_listener> bind(const endpoint& at, int backlog = 1024) noexcept;

    // As tcp_listener::accept.
    accept_operation<unix_stream> accept() noexcept { return accept_operation<unix_stream>(descriptor_); }

    result<endpoint> local() const noexcept { return host::local_endpoint(descriptor_.native()); }
    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    // The socket's file stays. To close while an accept() is in flight panics: see descriptor.
    void close() noexcept { descriptor_.reset(); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    descriptor descriptor_;
};

// Whole messages, in order, none lost.
class unix_datagram : public datagram_socket {
  public:
    using datagram_socket::datagram_socket;

    static result<unix_datagram> bind(const endpoint& at) noexcept;
    // Without an address: can send, and be one of a pair.
    static result<unix_datagram> unbound() noexcept;
    static result<std::pair<unix_datagram, unix_datagram>> pair() noexcept;

    send_descriptors_operation send_with_descriptors(std::span<const std::byte> bytes,
                                                     std::span<const descriptor* const> sent) noexcept {
        return {descriptor_, bytes, sent};
    }
    receive_descriptors_operation receive_with_descriptors(std::span<std::byte> to,
                                                           std::span<descriptor> descriptors) noexcept {
        return {descriptor_, to, descriptors};
    }
};

static_assert(datagrams<unix_datagram>);

} // namespace weft
