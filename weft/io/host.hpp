// What a host's port gives the io room beside the completion of operations: the calls that never wait. The other half
// of the contract is io/operation.hpp. Not for users.
#pragma once

#include <span>

#include <weft/core/result.hpp>
#include <weft/io/buffer.hpp>
#include <weft/io/endpoint.hpp>
#include <weft/io/operation.hpp>
#include <weft/ports/host/limits.hpp>

namespace weft {

// An address as the host wants it.
struct native_address {
    native_address() noexcept {}
    alignas(8) unsigned char bytes[112];
    std::uint32_t size = sizeof bytes;
};

// A message on a socket: several buffers, an address, handles that travel along.
struct io_message {
    io_message() noexcept {}

    native_address* address = nullptr; // where it goes, or came from
    void* buffers = nullptr;           // mutable_buffer or const_buffer
    std::size_t buffer_count = 0;
    void* handles = nullptr; // of host::handle_room bytes, for host::pack_handles() and unpack_handles()
    std::size_t handles_size = 0;
    bool truncated = false;         // the message was longer than the buffers
    bool handles_truncated = false; // there were more handles than room
    // What the host makes of it.
    alignas(8) unsigned char native[64];
};

enum class socket_type : std::uint8_t { stream, datagram };

// Names follow the usual socket options; what takes a length of time takes seconds.
enum class socket_option : std::uint8_t {
    reuse_address,
    reuse_port,
    only_ipv6,
    no_delay,
    keep_alive,
    keep_alive_idle,
    keep_alive_interval,
    keep_alive_count,
    receive_buffer,
    send_buffer,
    broadcast,
    linger, // -1: off
};

struct directory_entry;

namespace host {

// Starts an operation of `b`, in the context of its home, or yields after a stop. True: `then` will be resumed, once, when
// the operation has ended. False: done at once; never after a failure of an operation whose kind has an end_frame.
bool start(io_operation& op, branch& b, continuation& then) noexcept;
// What most programs do most, with short ways: a receive of some, a send of some, and of all. The manner is not yet filled in.
bool receive(io_operation& op, branch& b, continuation& then) noexcept;
bool send(io_operation& op, branch& b, continuation& then) noexcept;
bool send_all(io_operation& op, branch& b, continuation& then) noexcept;
// Asks an operation in flight to end, in the context of its home.
void cancel(io_operation& op) noexcept;

// The error behind a negative outcome of an operation.
error error_of(std::int64_t outcome) noexcept;

// Closes at once; errors are not told. Any thread.
void close(native_handle h) noexcept;
// For a descriptor that comes into being. Any thread.
std::uint32_t new_generation() noexcept;
// An operation on it is in flight, in whichever worker.
bool in_use(const io_handle& h) noexcept;
// Makes a handle from elsewhere fit for waiting.
result<void> adopt(native_handle h) noexcept;
result<native_handle> duplicate(native_handle h) noexcept;

result<native_handle> open_socket(endpoint::kind family, socket_type type) noexcept;
result<void> open_socket_pair(socket_type type, native_handle (&ends)[2]) noexcept;
result<void> bind(native_handle h, const endpoint& at) noexcept;
result<void> listen(native_handle h, int backlog) noexcept;
// For datagrams: sets the peer.
result<void> connect_at_once(native_handle h, const endpoint& to) noexcept;
result<void> shutdown(native_handle h, bool input, bool output) noexcept;
result<void> set_option(native_handle h, socket_option which, int value) noexcept;
result<int> get_option(native_handle h, socket_option which) noexcept;
result<endpoint> local_endpoint(native_handle h) noexcept;
result<endpoint> peer_endpoint(native_handle h) noexcept;

void to_native(const endpoint& from, native_address& to) noexcept;
endpoint from_native(const native_address& from) noexcept;

// Handles that travel with a message. Both work on message.handles.
inline constexpr std::size_t max_handles = 16;
inline constexpr std::size_t handle_room = 96;
void pack_handles(io_message& message, std::span<const native_handle> from) noexcept;
// Takes out what has arrived. Whatever finds no room in `to` is closed, and handles_truncated says so.
std::size_t unpack_handles(io_message& message, std::span<native_handle> to) noexcept;

result<void> open_pipe(native_handle (&ends)[2]) noexcept;
// A counter that is readable while it is above zero; reading takes it all, or one at a time. Optional: see has_counters.
result<native_handle> open_counter(bool one_at_a_time) noexcept;
// Adds one. Any thread, and signal handlers.
void count_up(native_handle counter) noexcept;
// Takes one, or all, if there is any; does not wait.
void count_down(native_handle counter) noexcept;

// Takes the next entry off the front of what read_directory delivered. False at the end.
bool next_entry(std::span<const std::byte>& rest, directory_entry& out) noexcept;

// Signals, below signal_limit. While watch count of a signal is above zero, on_signal(number) is called for each, in a signal
// handler.
result<void> watch_signal(int number, void (*on_signal)(int) noexcept) noexcept;
void unwatch_signal(int number) noexcept;

} // namespace host
} // namespace weft
