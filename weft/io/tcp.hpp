// TCP: tcp_listener and tcp_stream.
#pragma once

#include <weft/io/byte_stream.hpp>
#include <weft/io/socket_operation.hpp>
#include <weft/io/stream.hpp>

namespace weft {

// A connection. Small writes are sent at once (TCP_NODELAY) unless set otherwise.
class tcp_stream : public stream_socket {
  public:
    tcp_stream() noexcept = default;
    // Takes over a connected socket.
    explicit tcp_stream(descriptor&& d) noexcept : stream_socket(std::move(d)) {}

    // Connects to an IPv4 or IPv6 endpoint, from `from` if it is given. Yields the stream, or connection_refused,
    // unreachable, timed_out (the host's own patience), too_many_files, … A stop closes the half-open socket; a connection
    // that was made in spite of it is yielded. Resumes on the home executor. No allocation.
    static connect_operation<tcp_stream> connect(const endpoint& to,
                                                 const endpoint& from = endpoint()) noexcept {
        return connect_operation<tcp_stream>(to, from);
    }

    result<void> set_no_delay(bool on) noexcept { return set(socket_option::no_delay, on); }
    result<void> set_keep_alive(bool on) noexcept { return set(socket_option::keep_alive, on); }
};

static_assert(lending_stream<tcp_stream>);

struct listen_options {
    listen_options() noexcept {}

    int backlog = 1024;        // connections that the host completes ahead of accept()
    bool reuse_address = true; // bind although connections of an earlier listener linger
    bool reuse_port = false;   // several listeners share one port, as one a worker
    bool only_ipv6 = false;    // an IPv6 listener takes no IPv4 connections
};

class tcp_listener {
  public:
    tcp_listener() noexcept = default;
    // Takes over a listening socket.
    explicit tcp_listener(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    // Binds and listens; does not wait. Port 0 lets the system choose: see local(). Errors: address_in_use,
    // address_not_available, permission_denied, too_many_files, …
    static result<tcp_listener> bind(const endpoint& at,
                                     const listen_options& options = listen_options()) noexcept;

    // The next connection. An error is about that connection (connection_aborted) or about the process (too_many_files,
    // out_of_memory); the listener is good for further calls. A connection that was accepted in spite of a stop is
    // yielded. Waiters are served first in, first out. Resumes on the home executor. No allocation.
    accept_operation<tcp_stream> accept() noexcept { return accept_operation<tcp_stream>(descriptor_); }

    result<endpoint> local() const noexcept { return host::local_endpoint(descriptor_.native()); }
    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    // To close while an accept() is in flight panics: see descriptor.
    void close() noexcept { descriptor_.reset(); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    descriptor descriptor_;
};

} // namespace weft
