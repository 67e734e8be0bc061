// Bytes in order through a connection: stream_socket as weft/io/stream.hpp has it, over lwIP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <lwip/tcp.h>
#include <weft/core/result.hpp>
#include <weft/io/buffer.hpp>
#include <weft/io/byte_stream.hpp>
#include <weft/io/endpoint.hpp>
#include <weft/lwip/leased_buffer.hpp>
#include <weft/lwip/native.hpp>

namespace weft {

namespace lwip {

// One connection, in a pool of as many as lwIP has; what lwIP calls and what the operations wait in.
struct connection {
    tcp_pcb* pcb = nullptr; // nullptr: it has ended, by `failed` or in both directions
    pbuf* received = nullptr;
    std::size_t offset = 0; // how much of its first buffer has been read
    bool used = false;
    bool connected = false;
    bool input_ended = false; // by the other end, or by us
    bool output_ended = false;
    err_t failed = ERR_CLSD;
    connection* next = nullptr; // not accepted yet
    wait_queue<no_lock> readers, writers;

    // Becomes the one that lwIP tells what happens to `p`.
    void attach(tcp_pcb* p) noexcept;
    // lwIP goes on alone.
    tcp_pcb* detach() noexcept;
    std::size_t take(std::span<std::byte> to) noexcept;
    // The first piece of what has come.
    leased_buffer take() noexcept;
    // How much of it was taken; the rest waits for room.
    result<std::size_t> give(std::span<const std::byte> from) noexcept;
    void has_read(std::size_t bytes) noexcept;
    void end_input() noexcept;
    result<void> end_output() noexcept;
    void release() noexcept;
};

// nullptr: all are in use.
connection* claim_connection() noexcept;
// What connections wait for time to pass for: nothing; the end of some that linger after they have ended (TIME-WAIT);
// answers, or memory.
enum class tcp_wait : std::uint8_t { nothing, lingers, answers };
tcp_wait tcp_waits_for() noexcept;
result<endpoint> endpoint_of(const tcp_pcb* pcb, bool local) noexcept;

// A read or a write, of one buffer or of a list of them. A write ends when lwIP has copied the bytes.
class [[nodiscard("co_await it")]] transfer_operation : public socket_operation {
  public:
    static const socket_kind reading, writing;

    transfer_operation(connection* c, std::span<std::byte> to, bool whole) noexcept
        : socket_operation(reading, c ? &c->readers : nullptr), connection_(c), at_(to.data()),
          left_(to.size()), whole_(whole) {}
    transfer_operation(connection* c, std::span<const std::byte> from, bool whole) noexcept
        : socket_operation(writing, c ? &c->writers : nullptr), connection_(c),
          at_(const_cast<std::byte*>(from.data())), left_(from.size()), whole_(whole) {}
    transfer_operation(connection* c, std::span<const mutable_buffer> to) noexcept
        : socket_operation(reading, c ? &c->readers : nullptr), connection_(c), list_(to.data()),
          lists_(to.size()) {}
    transfer_operation(connection* c, std::span<const const_buffer> from, bool whole) noexcept
        : socket_operation(writing, c ? &c->writers : nullptr), connection_(c), list_(from.data()),
          lists_(from.size()), whole_(whole) {}

    result<std::size_t> await_resume() const noexcept;

  private:
    static bool read(waiter& self) noexcept;
    static bool write(waiter& self) noexcept;
    bool at_end() noexcept;
    void moved(std::size_t n) noexcept;

    connection* connection_;
    std::byte* at_ = nullptr; // the rest of the buffer that is being filled or written
    std::size_t left_ = 0;
    const void* list_ = nullptr; // buffers after that one, which have the type of the direction
    std::size_t lists_ = 0;
    std::size_t count_ = 0;
    bool whole_ = false;
};

// A read whose buffer comes with the bytes.
class [[nodiscard("co_await it")]] leased_read_operation : public socket_operation {
  public:
    explicit leased_read_operation(connection* c) noexcept
        : socket_operation(reading, c ? &c->readers : nullptr), connection_(c) {}

    result<leased_buffer> await_resume() noexcept;

  private:
    static bool read(waiter& self) noexcept;
    static const socket_kind reading;

    connection* connection_;
    leased_buffer taken_;
};

// A connection. All operations borrow their buffers until they have ended, allocate nothing, and resume on the executor of
// the interface, where they are to be called. A reader and a writer at a time; more are served first in, first out. Errors:
// connection_reset, timed_out, broken_pipe (written after the end), closed, not_connected (no stream), and errc::cancelled
// after a stop, when no byte was moved. Closing does not wait for what was written, which goes on its way.
class stream_socket {
  public:
    stream_socket() noexcept = default;
    explicit stream_socket(lwip::connection* c) noexcept : connection_(c) {}
    stream_socket(stream_socket&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
    stream_socket& operator=(stream_socket&& other) noexcept {
        if (this != &other) {
            close();
            connection_ = std::exchange(other.connection_, nullptr);
        }
        return *this;
    }
    ~stream_socket() { close(); }

    explicit operator bool() const noexcept { return connection_ != nullptr; }

    // Reads what is there, at least one byte; 0: the other end has finished (or the buffer is empty).
    lwip::transfer_operation read_some(bytes_to_fill auto&& to) noexcept {
        return {connection_, std::span<std::byte>(to), false};
    }
    // Fills the buffer. errc::end_of_file if the input ends before; how much came is lost then, as after a stop.
    lwip::transfer_operation read_exact(bytes_to_fill auto&& to) noexcept {
        return {connection_, std::span<std::byte>(to), true};
    }
    // Reads what is there, at least one byte, where lwIP has received it: nothing is copied. An empty buffer at the end of the
    // input. errc::limit_exceeded, and the bytes stay where they are, if something has come and all that may be lent is lent:
    // see leased_buffer.
    lwip::leased_read_operation read_leased() noexcept { return lwip::leased_read_operation(connection_); }
    // Writes at least one byte, and yields how many.
    lwip::transfer_operation write_some(bytes_to_take auto&& from) noexcept {
        return {connection_, std::span<const std::byte>(from), false};
    }
    // Writes everything. After an error or a stop, some part of it may have been written.
    lwip::transfer_operation write_all(bytes_to_take auto&& from) noexcept {
        return {connection_, std::span<const std::byte>(from), true};
    }
    // The same with several buffers at once; the list is borrowed, too.
    lwip::transfer_operation read_some(std::span<const mutable_buffer> to) noexcept {
        return {connection_, to};
    }
    lwip::transfer_operation write_some(std::span<const const_buffer> from) noexcept {
        return {connection_, from, false};
    }
    lwip::transfer_operation write_all(std::span<const const_buffer> from) noexcept {
        return {connection_, from, true};
    }

    // Ends the output; the other end reads 0 when it has read the rest. A write that waits, and every further one, yields
    // broken_pipe. Does not wait.
    result<void> shutdown_output() noexcept;
    // Ends the input; a read that waits, and every further one, yields what has come already, and then 0. What comes later
    // is acknowledged and dropped. Does not wait.
    result<void> shutdown_input() noexcept;
    // Ends both directions, and with them every read and write that waits.
    result<void> shutdown() noexcept;

    // not_connected after both directions have ended.
    result<endpoint> local() const noexcept;
    result<endpoint> peer() const noexcept;

    // Closes at once. To do so while an operation is in flight panics.
    void close() noexcept;

  protected:
    lwip::connection* connection_ = nullptr;
};
static_assert(lending_stream<stream_socket>);

} // namespace lwip

using lwip::stream_socket;

} // namespace weft
