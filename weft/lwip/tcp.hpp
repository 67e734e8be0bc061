// TCP on a chip: tcp_listener and tcp_stream as weft/io/tcp.hpp has them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <lwip/tcp.h>
#include <weft/core/result.hpp>
#include <weft/core/wait_queue.hpp>
#include <weft/io/endpoint.hpp>

namespace weft {

namespace lwip {

// One connection, in a pool of as many as lwIP has; what lwIP calls and what the operations wait in.
struct connection {
    no_lock lock_;
    tcp_pcb* pcb = nullptr; // nullptr: it is closed, by `failed` or by ourselves
    pbuf* received = nullptr;
    std::size_t offset = 0; // how much of its first buffer has been read
    bool used = false;
    bool finished = false; // the other end has
    bool output_ended = false;
    err_t failed = ERR_OK;
    connection* next = nullptr; // not accepted yet
    struct listener* listener = nullptr;
    wait_queue<no_lock> readers, writers;

    std::size_t take(std::span<std::byte> to) noexcept;
    // ERR_OK: some of it may have been taken; the rest waits for room.
    err_t give(std::span<const std::byte>& from) noexcept;
    void serve_readers() noexcept;
    void serve_writers() noexcept;
    void release() noexcept;
};

struct listener {
    no_lock lock_;
    tcp_pcb* pcb = nullptr;
    bool used = false;
    connection* first = nullptr;
    connection** last = &first;
    wait_queue<no_lock> waiting;

    connection* pop() noexcept;
    void release() noexcept;
};

result<endpoint> endpoint_of(const tcp_pcb* pcb, bool local) noexcept;

// A read that yields some bytes, or all of them.
class [[nodiscard("co_await it")]] read_operation : public queued_operation<read_operation> {
    using base = queued_operation<read_operation>;

  public:
    using lock_type = no_lock;
    read_operation(connection* c, std::span<std::byte> to, bool whole) noexcept
        : base(reading), connection_(c), to_(to), whole_(whole) {}

    bool start(branch& b, continuation& then) noexcept;
    result<std::size_t> await_resume() const noexcept;
    // True: it has ended.
    bool advance() noexcept;

  private:
    friend base;
    connection& subject() noexcept { return *connection_; }
    wait_queue<no_lock>& queue() noexcept { return connection_->readers; }
    bool attempt(branch&, waiter_list&) noexcept { return connection_->readers.empty() && advance(); }
    static constexpr leaf_kind reading{"read", &base::cancel};

    connection* connection_;
    std::span<std::byte> to_;
    std::size_t count_ = 0;
    bool whole_;
    error failed_;
};

// A write of some bytes, or of all of them: it ends when lwIP has copied them.
class [[nodiscard("co_await it")]] write_operation : public queued_operation<write_operation> {
    using base = queued_operation<write_operation>;

  public:
    using lock_type = no_lock;
    write_operation(connection* c, std::span<const std::byte> from, bool whole) noexcept
        : base(writing), connection_(c), from_(from), size_(from.size()), whole_(whole) {}

    bool start(branch& b, continuation& then) noexcept;
    result<std::size_t> await_resume() const noexcept;
    bool advance() noexcept;

  private:
    friend base;
    connection& subject() noexcept { return *connection_; }
    wait_queue<no_lock>& queue() noexcept { return connection_->writers; }
    bool attempt(branch&, waiter_list&) noexcept { return connection_->writers.empty() && advance(); }
    static constexpr leaf_kind writing{"write", &base::cancel};

    connection* connection_;
    std::span<const std::byte> from_;
    std::size_t size_;
    bool whole_;
    error failed_;
};

} // namespace lwip

// A connection. All operations borrow their buffers until they have ended, allocate nothing, and resume on the executor of
// the interface, where they are to be called. A reader and a writer at a time; more are served first in, first out. Errors:
// connection_reset, connection_aborted, timed_out, broken_pipe (written after the end), not_connected (no stream), and
// errc::cancelled after a stop, when no byte was moved. Closing does not wait for what was written, which goes on its way.
class tcp_stream {
  public:
    tcp_stream() noexcept = default;
    explicit tcp_stream(lwip::connection* c) noexcept : connection_(c) {}
    tcp_stream(tcp_stream&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
    tcp_stream& operator=(tcp_stream&& other) noexcept {
        if (this != &other) {
            close();
            connection_ = std::exchange(other.connection_, nullptr);
        }
        return *this;
    }
    ~tcp_stream() { close(); }

    explicit operator bool() const noexcept { return connection_ != nullptr; }

    // Reads what is there, at least one byte; 0: the other end has finished (or the buffer is empty).
    lwip::read_operation read_some(std::span<std::byte> to) noexcept { return {connection_, to, false}; }
    // Fills the buffer. errc::end_of_file if the input ends before; how much came is lost then, as after a stop.
    lwip::read_operation read_exact(std::span<std::byte> to) noexcept { return {connection_, to, true}; }
    // Writes at least one byte, and yields how many.
    lwip::write_operation write_some(std::span<const std::byte> from) noexcept {
        return {connection_, from, false};
    }
    // Writes everything. After an error or a stop, some part of it may have been written.
    lwip::write_operation write_all(std::span<const std::byte> from) noexcept {
        return {connection_, from, true};
    }
    // Ends the output; the other end reads 0 when it has read the rest. Does not wait.
    result<void> shutdown_output() noexcept;
    result<void> set_no_delay(bool on) noexcept;
    result<void> set_keep_alive(bool on) noexcept;
    result<endpoint> local() const noexcept;
    result<endpoint> peer() const noexcept;
    // To close while an operation is in flight panics.
    void close() noexcept;

  private:
    lwip::connection* connection_ = nullptr;
};

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

    // Binds and listens; does not wait. Errors: address_in_use, not_supported (no IPv4), limit_exceeded.
    static result<tcp_listener> bind(const endpoint& at,
                                     const listen_options& options = listen_options()) noexcept;
    // The next connection. errc::cancelled if a stop came before there was one. First in, first out.
    accept_operation accept() noexcept;
    result<endpoint> local() const noexcept;
    explicit operator bool() const noexcept { return listener_ != nullptr; }
    // To close while an accept() is in flight panics.
    void close() noexcept;

  private:
    lwip::listener* listener_ = nullptr;
};

class [[nodiscard("co_await it")]] tcp_listener::accept_operation
    : public queued_operation<tcp_listener::accept_operation> {
    using base = queued_operation<accept_operation>;

  public:
    using lock_type = no_lock;
    explicit accept_operation(lwip::listener* l) noexcept : base(accepting), listener_(l) {}

    bool start(branch& b, continuation& then) noexcept;
    result<tcp_stream> await_resume() noexcept;
    bool advance() noexcept { return (accepted_ = listener_->pop()) != nullptr; }

  private:
    friend base;
    lwip::listener& subject() noexcept { return *listener_; }
    wait_queue<no_lock>& queue() noexcept { return listener_->waiting; }
    bool attempt(branch&, waiter_list&) noexcept { return listener_->waiting.empty() && advance(); }
    static constexpr leaf_kind accepting{"accept", &base::cancel};

    lwip::listener* listener_;
    lwip::connection* accepted_ = nullptr;
};

inline tcp_listener::accept_operation tcp_listener::accept() noexcept { return accept_operation(listener_); }

} // namespace weft
