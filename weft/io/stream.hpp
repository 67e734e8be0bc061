// Bytes in order through a descriptor: the reads and writes that sockets and pipes share.
#pragma once

#include <span>

#include <weft/core/result.hpp>
#include <weft/io/buffer.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>
#include <weft/io/leased_buffer.hpp>

namespace weft {

// How much of a buffer a transfer is to move.
enum class transfer : std::uint8_t { some, whole };

// One read or write of a byte stream. Little is stored before it has to wait.
template <io_code Code, transfer How>
class [[nodiscard("co_await it")]] stream_operation
    : public operation<stream_operation<Code, How>, io_operation> {
    using base = operation<stream_operation<Code, How>, io_operation>;
    static constexpr bool reads = Code == io_code::read || Code == io_code::receive;

  public:
    stream_operation(descriptor& on, std::span<std::byte> to) noexcept
        requires reads
        : base(on.io(), to.data(), to.size()) {}
    stream_operation(descriptor& on, std::span<const std::byte> from) noexcept
        requires(!reads)
        : base(on.io(), const_cast<std::byte*>(from.data()), from.size()) {}

    bool start(branch& b, continuation& then, const leaf_kind& how_to_wait = kind_of) noexcept {
        this->kind = &how_to_wait;
        if constexpr (Code == io_code::receive && How == transfer::some) return host::receive(*this, b, then);
        if constexpr (Code == io_code::send && How == transfer::some) return host::send(*this, b, then);
        if constexpr (Code == io_code::send && How == transfer::whole) return host::send_all(*this, b, then);
        this->become(Code, (How == transfer::whole ? io_whole : 0) |
                               (Code == io_code::receive ? io_short_empty : 0));
        return host::start(*this, b, then);
    }
    result<std::size_t> await_resume() const noexcept {
        if (this->outcome < 0) [[unlikely]]
            return failure(host::error_of(this->outcome));
        return value();
    }
    // After a success.
    std::size_t value() const noexcept { return static_cast<std::size_t>(this->outcome); }

    static void request_cancel(leaf& self) noexcept { host::cancel(static_cast<io_operation&>(self)); }
    static constexpr leaf_kind kind_of{reads ? "read" : "write", &request_cancel};
};

// The same with several buffers.
class [[nodiscard("co_await it")]] vector_operation : public host_operation<vector_operation> {
  public:
    vector_operation(const leaf_kind& kind, io_code what, descriptor& on, void* buffers, std::size_t count,
                     transfer how) noexcept
        : host_operation(kind, what, on, buffers, count) {
        if (how == transfer::whole) flags |= io_whole;
    }
    result<std::size_t> await_resume() const noexcept { return number(); }

    static void request_cancel(leaf& self) noexcept { host_operation::request_cancel(self); }
};

// The same on a socket, as a message, which raises no signals.
class [[nodiscard("co_await it")]] socket_vector_operation : public host_operation<socket_vector_operation> {
  public:
    socket_vector_operation(const leaf_kind& kind, io_code what, descriptor& on, void* buffers,
                            std::size_t count, transfer how) noexcept
        : host_operation(kind, what, on, nullptr, 1) {
        message_.buffers = buffers;
        message_.buffer_count = count;
        if (how == transfer::whole) flags |= io_whole;
    }
    bool start(branch& b, continuation& then) noexcept {
        data = &message_; // here, since the operation does not move any more
        return host_operation::start(b, then);
    }
    result<std::size_t> await_resume() const noexcept { return number(); }

    static void request_cancel(leaf& self) noexcept { host_operation::request_cancel(self); }

  private:
    io_message message_;
};

// A read whose buffer comes with the bytes.
class [[nodiscard("co_await it")]] leased_read_operation
    : public operation<leased_read_operation, io_operation> {
  public:
    explicit leased_read_operation(descriptor& on) noexcept
        : operation(on.io(), nullptr, leased_buffer::capacity) {}

    bool start(branch& b, continuation& then, const leaf_kind& how_to_wait = kind_of) noexcept {
        kind = &how_to_wait;
        become(io_code::receive_leased, io_short_empty);
        return host::start(*this, b, then);
    }
    result<leased_buffer> await_resume() const noexcept {
        if (outcome < 0) return failure(host::error_of(outcome));
        return value();
    }
    // After a success.
    leased_buffer value() const noexcept {
        return data ? leased_buffer(static_cast<lease_pool*>(data), argument,
                                    static_cast<std::size_t>(outcome))
                    : leased_buffer();
    }

    static void request_cancel(leaf& self) noexcept { host::cancel(static_cast<io_operation&>(self)); }
    static constexpr leaf_kind kind_of{"read", &request_cancel};
};

namespace detail {

inline constexpr leaf_kind reading_vector{"read", &vector_operation::request_cancel};
inline constexpr leaf_kind writing_vector{"write", &vector_operation::request_cancel};
inline constexpr leaf_kind reading_socket{"read", &socket_vector_operation::request_cancel};
inline constexpr leaf_kind writing_socket{"write", &socket_vector_operation::request_cancel};

} // namespace detail

// What every connected stream socket can do. All operations borrow their buffers until they have ended, and allocate
// nothing. They resume on the home executor of the one who waits. Errors are the host's; errc::cancelled after a stop,
// if the operation had no effect: bytes that were moved in spite of a stop are reported. One reader and one writer at a
// time are the rule; more on one worker are served first in, first out, and their whole transfers do not mix.
class stream_socket {
  public:
    stream_socket() noexcept = default;
    explicit stream_socket(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }

    // Reads what is there, at least one byte; 0: the other end has finished (or the buffer is empty).
    stream_operation<io_code::receive, transfer::some> read_some(bytes_to_fill auto&& to) noexcept {
        return {descriptor_, to};
    }
    // Fills the buffer. errc::end_of_file if the input ends before; how much came is lost then, as after a stop.
    stream_operation<io_code::receive, transfer::whole> read_exact(bytes_to_fill auto&& to) noexcept {
        return {descriptor_, to};
    }
    // Reads what is there, at least one byte, into memory that the worker lends; an empty buffer at the end of the input. So
    // no memory is held while nothing comes. errc::limit_exceeded, and the bytes stay where they are, if something has
    // come and all that the worker has to lend is lent: see leased_buffer. Allocates now and then, up to that limit.
    leased_read_operation read_leased() noexcept { return leased_read_operation(descriptor_); }
    // Writes at least one byte, and yields how many.
    stream_operation<io_code::send, transfer::some> write_some(bytes_to_take auto&& from) noexcept {
        return {descriptor_, from};
    }
    // Writes everything. After an error or a stop, some part of it may have been written.
    stream_operation<io_code::send, transfer::whole> write_all(bytes_to_take auto&& from) noexcept {
        return {descriptor_, from};
    }
    // The same with several buffers at once.
    socket_vector_operation read_some(std::span<const mutable_buffer> to) noexcept {
        return {detail::reading_socket,
                io_code::receive_message,
                descriptor_,
                const_cast<mutable_buffer*>(to.data()),
                to.size(),
                transfer::some};
    }
    socket_vector_operation write_some(std::span<const const_buffer> from) noexcept {
        return {detail::writing_socket,
                io_code::send_message,
                descriptor_,
                const_cast<const_buffer*>(from.data()),
                from.size(),
                transfer::some};
    }
    // Uses up the list on its way: its entries are changed.
    socket_vector_operation write_all(std::span<const_buffer> from) noexcept {
        return {detail::writing_socket, io_code::send_message, descriptor_, from.data(), from.size(),
                transfer::whole};
    }

    // Ends the output; the other end reads 0 when it has read the rest. Does not wait.
    result<void> shutdown_output() noexcept { return host::shutdown(descriptor_.native(), false, true); }
    // Ends the input; a read that waits, and every further one, yields what has come already, and then 0. Does not wait.
    result<void> shutdown_input() noexcept { return host::shutdown(descriptor_.native(), true, false); }
    // Ends both directions, and with them every read and write that waits.
    result<void> shutdown() noexcept { return host::shutdown(descriptor_.native(), true, true); }

    result<endpoint> local() const noexcept { return host::local_endpoint(descriptor_.native()); }
    result<endpoint> peer() const noexcept { return host::peer_endpoint(descriptor_.native()); }
    result<void> set(socket_option which, int value) noexcept {
        return host::set_option(descriptor_.native(), which, value);
    }
    result<int> get(socket_option which) const noexcept {
        return host::get_option(descriptor_.native(), which);
    }

    // Closes at once. To do so while an operation is in flight panics: see descriptor.
    void close() noexcept { descriptor_.reset(); }
    // The descriptor itself: to take it out, or for what is not offered here.
    descriptor& handle() noexcept { return descriptor_; }

  protected:
    descriptor descriptor_;
};

} // namespace weft
