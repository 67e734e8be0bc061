// Borrowed buffers.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace weft {

// What is filled by reads, and what writes take from. Operations take them by reference, since GCC 12 gives each temporary
// of a co_await, and so a converted argument, its own place in the frame.
template <class B>
concept bytes_to_fill = std::convertible_to<B&, std::span<std::byte>>;
template <class B>
concept bytes_to_take = std::convertible_to<B&, std::span<const std::byte>>;

// What a vectored read fills. The memory is borrowed until the operation has ended.
struct mutable_buffer {
    mutable_buffer() noexcept = default;
    mutable_buffer(std::span<std::byte> bytes) noexcept : data(bytes.data()), size(bytes.size()) {}
    mutable_buffer(void* at, std::size_t bytes) noexcept : data(at), size(bytes) {}

    void* data = nullptr;
    std::size_t size = 0;
};

// What a vectored write takes from.
struct const_buffer {
    const_buffer() noexcept = default;
    const_buffer(std::span<const std::byte> bytes) noexcept : data(bytes.data()), size(bytes.size()) {}
    const_buffer(const void* at, std::size_t bytes) noexcept : data(at), size(bytes) {}

    const void* data = nullptr;
    std::size_t size = 0;
};

} // namespace weft
