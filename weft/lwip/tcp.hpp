// TCP on a chip: tcp_stream and tcp_listener as weft/io/tcp.hpp has them.
#pragma once

#include <weft/lwip/stream.hpp>

namespace weft {

namespace lwip {

struct listener {
    tcp_pcb* pcb = nullptr;
    bool used = false;
    connection* first = nullptr;
    connection** last = &first;
    wait_queue<no_lock> waiting;

    connection* pop() noexcept;
    void release() noexcept;
};

// A connection. Small writes are sent at once (TCP_NODELAY) unless set otherwise.
class tcp_stream : public stream_socket {
  public:
    class connect_operation;

    using stream_socket::stream_socket;

    // Connects to an IPv4 endpoint, from `from` if it is given. Yields the stream, or connection_refused, unreachable (no way
    // there), timed_out (nobody answered lwIP's seven calls: three minutes), limit_exceeded (MEMP_NUM_TCP_PCB connections),
    // address_in_use, out_of_memory, not_supported (no IPv4), invalid_argument (no address or no port). A stop forgets the
    // half-open connection and yields errc::cancelled; a connection that was made in spite of it is yielded. Resumes on
    // the executor of the interface, where it is to be called.
    static connect_operation connect(const endpoint& to, const endpoint& from = endpoint()) noexcept;

    result<void> set_no_delay(bool on) noexcept;
    result<void> set_keep_alive(bool on) noexcept;
};

class [[nodiscard("co_await it")]] tcp_stream::connect_operation : public lwip::socket_operation {
  public:
    connect_operation(lwip::connection* c, const endpoint& to, const endpoint& from) noexcept;

    result<tcp_stream> await_resume() noexcept;

  private:
    static bool advance(waiter& self) noexcept;
    static void withdraw(waiter& self) noexcept;
    error begin() noexcept;
    static const lwip::socket_kind connecting;

    lwip::connection* connection_;
    tcp_stream made_; // owns it
    ip_addr_t to_, from_;
    std::uint16_t to_port_, from_port_;
    bool bound_, begun_ = false;
};

inline tcp_stream::connect_operation tcp_stream::connect(const endpoint& to, const endpoint& from) noexcept {
    return {lwip::claim_connection(), to, from};
}

struct listen_options {
    listen_options() noexcept {}

    int backlog = 8; // connections that are completed ahead of accept(); at most 255
};

class tcp_listener {
  public:
    class accept_operation;

    tcp_listener() noexcept = default;
    tcp_listener(tcp_listener&& other) noexcept : listener_(std::exchange(other.listener_, nullptr)) {}
    tcp_listener& operator=(tcp_listener&& other) noexcept {
        if (this != &other) {
            close();
            listener_ = std::exchange(other.listener_, nullptr);
        }
        return *this;
    }
    ~tcp_listener() { close(); }

    // Binds and listens; does not wait. Port 0 lets lwIP choose: see local(). Errors: address_in_use, not_supported (no
    // IPv4), limit_exceeded.
    static result<tcp_listener> bind(const endpoint& at,
                                     const listen_options& options = listen_options()) noexcept;
    // The next connection. errc::cancelled if a stop came before there was one; one that was accepted in spite of it is
    // yielded. First in, first out.
    accept_operation accept() noexcept;
    result<endpoint> local() const noexcept;
    explicit operator bool() const noexcept { return listener_ != nullptr; }
    // To close while an accept() is in flight panics.
    void close() noexcept;

  private:
    lwip::listener* listener_ = nullptr;
};

class [[nodiscard("co_await it")]] tcp_listener::accept_operation : public lwip::socket_operation {
  public:
    explicit accept_operation(lwip::listener* l) noexcept
        : socket_operation(accepting, l ? &l->waiting : nullptr), listener_(l) {}

    result<tcp_stream> await_resume() noexcept;

  private:
    static bool advance(waiter& self) noexcept;
    static const lwip::socket_kind accepting;

    lwip::listener* listener_;
    tcp_stream accepted_;
};

inline tcp_listener::accept_operation tcp_listener::accept() noexcept { return accept_operation(listener_); }

} // namespace lwip

// The names that programs use, whichever of the two stacks they are built with. An image may have both.
using lwip::listen_options;
using lwip::tcp_listener;
using lwip::tcp_stream;

} // namespace weft
