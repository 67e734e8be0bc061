// What generic code may ask of a stream of bytes and of a socket for datagrams, whatever stack or device is behind it.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <weft/core/result.hpp>
#include <weft/io/buffer.hpp>
#include <weft/io/endpoint.hpp>
#include <weft/io/received_datagram.hpp>

namespace weft {

// An operation that co_await makes a result<T> of. That it is awaited in a task of a fitting home is its own affair.
template <class Operation, class T>
concept yields_result = requires(std::remove_cvref_t<Operation>& o) {
    { o.await_resume() } -> std::same_as<result<T>>;
};

// What can be read. Buffers are borrowed until the operation has ended; 0 is the end of the input, and read_exact() yields
// errc::end_of_file there; after a stop that came before a byte did, errc::cancelled.
template <class S>
concept byte_source =
    std::movable<S> && requires(S& s, std::span<std::byte> to, std::span<const mutable_buffer> list) {
        { s.read_some(to) } -> yields_result<std::size_t>;
        { s.read_exact(to) } -> yields_result<std::size_t>;
        { s.read_some(list) } -> yields_result<std::size_t>;
        s.close();
    };

// What can be written. write_some() moves at least one byte; a list that write_all() is given may be used up.
template <class S>
concept byte_sink =
    std::movable<S> && requires(S& s, std::span<const std::byte> from, std::span<const const_buffer> list,
                                std::span<const_buffer> all) {
        { s.write_some(from) } -> yields_result<std::size_t>;
        { s.write_all(from) } -> yields_result<std::size_t>;
        { s.write_some(list) } -> yields_result<std::size_t>;
        { s.write_all(all) } -> yields_result<std::size_t>;
        s.close();
    };

// Both, each of which can be ended by itself: TCP, Unix sockets.
template <class S>
concept byte_stream = byte_source<S> && byte_sink<S> && requires(S& s) {
    { s.shutdown_output() } -> std::same_as<result<void>>;
    { s.shutdown_input() } -> std::same_as<result<void>>;
    { s.shutdown() } -> std::same_as<result<void>>;
    { s.local() } -> std::same_as<result<endpoint>>;
    { s.peer() } -> std::same_as<result<endpoint>>;
};

// A byte_stream whose reads may bring their buffer along, so that a connection that waits holds none. What they yield is the
// stack's own leased_buffer.
template <class S>
concept lending_stream = byte_stream<S> && requires(S& s) {
    { *s.read_leased().await_resume() } -> bytes_to_fill;
};

// What sends and receives datagrams, each whole or cut off, with an address or connected to one.
template <class S>
concept datagrams = std::movable<S> && requires(S& s, std::span<std::byte> to,
                                                std::span<const std::byte> from, const endpoint& peer) {
    { s.send_to(from, peer) } -> yields_result<std::size_t>;
    { s.receive_from(to) } -> yields_result<received_datagram>;
    { s.connect(peer) } -> std::same_as<result<void>>;
    { s.send(from) } -> yields_result<std::size_t>;
    { s.receive(to) } -> yields_result<std::size_t>;
    { s.local() } -> std::same_as<result<endpoint>>;
    s.close();
};

} // namespace weft
