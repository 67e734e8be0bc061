// Pipes: pipe_reader and pipe_writer. Also for terminals and whatever else is read and written as a stream of bytes.
#pragma once

#include <utility>

#include <weft/io/byte_stream.hpp>
#include <weft/io/stream.hpp>

namespace weft {

// The reading end. As stream_socket's reads.
class pipe_reader {
  public:
    pipe_reader() noexcept = default;
    explicit pipe_reader(descriptor&& d) noexcept : descriptor_(std::move(d)) {}
    // Takes over a handle from elsewhere, as standard input, and makes it non-blocking: for everybody who shares it.
    static result<pipe_reader> adopt(native_handle h) noexcept;

    stream_operation<io_code::read, transfer::some> read_some(bytes_to_fill auto&& to) noexcept {
        return {descriptor_, to};
    }
    stream_operation<io_code::read, transfer::whole> read_exact(bytes_to_fill auto&& to) noexcept {
        return {descriptor_, to};
    }
    vector_operation read_some(std::span<const mutable_buffer> to) noexcept {
        return {detail::reading_vector,
                io_code::read_vector,
                descriptor_,
                const_cast<mutable_buffer*>(to.data()),
                to.size(),
                transfer::some};
    }

    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    void close() noexcept { descriptor_.reset(); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    descriptor descriptor_;
};

// The writing end. Errors: broken_pipe when nobody reads any more; the signal for that is not raised.
class pipe_writer {
  public:
    pipe_writer() noexcept = default;
    explicit pipe_writer(descriptor&& d) noexcept : descriptor_(std::move(d)) {}
    static result<pipe_writer> adopt(native_handle h) noexcept;

    stream_operation<io_code::write, transfer::some> write_some(bytes_to_take auto&& from) noexcept {
        return {descriptor_, from};
    }
    stream_operation<io_code::write, transfer::whole> write_all(bytes_to_take auto&& from) noexcept {
        return {descriptor_, from};
    }
    vector_operation write_some(std::span<const const_buffer> from) noexcept {
        return {detail::writing_vector,
                io_code::write_vector,
                descriptor_,
                const_cast<const_buffer*>(from.data()),
                from.size(),
                transfer::some};
    }
    // Uses up the list on its way: its entries are changed.
    vector_operation write_all(std::span<const_buffer> from) noexcept {
        return {detail::writing_vector, io_code::write_vector, descriptor_, from.data(), from.size(),
                transfer::whole};
    }

    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    void close() noexcept { descriptor_.reset(); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    descriptor descriptor_;
};

static_assert(byte_source<pipe_reader> && byte_sink<pipe_writer>);

// Two ends, connected. Does not wait. Errors: too_many_files.
result<std::pair<pipe_reader, pipe_writer>> make_pipe() noexcept;

} // namespace weft
