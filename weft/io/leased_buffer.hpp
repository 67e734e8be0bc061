// leased_buffer: memory that a read has filled, lent by the worker that read. A connection that waits holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace weft {

class lease_pool;

namespace host {
// Gives a block back to its pool. Any thread, also after the end of the runtime.
void give_back(lease_pool& home, std::uint32_t block) noexcept;
// Where it is.
std::byte* address_of(const lease_pool& home, std::uint32_t block) noexcept;
} // namespace host

// Move-only; gives its memory back to its worker when it goes, on whatever thread, also after the end of the runtime. Its
// bytes may be changed. As a range of bytes, it can be written and copied as it is.
class leased_buffer {
  public:
    // The most that one read yields.
    static constexpr std::size_t capacity = 4096;
    // How many a worker lends at the same time. Its memory grows by need, up to 16 MiB, and stays with the worker.
    static constexpr std::uint32_t limit = 4096;

    // Empty: what the end of the input yields.
    leased_buffer() noexcept = default;
    // For operations.
    leased_buffer(lease_pool* home, std::uint32_t block, std::size_t bytes) noexcept
        : home_(home), size_(static_cast<std::uint32_t>(bytes)), block_(block) {}
    leased_buffer(leased_buffer&& other) noexcept
        : home_(std::exchange(other.home_, nullptr)), size_(std::exchange(other.size_, 0)),
          block_(other.block_) {}
    leased_buffer& operator=(leased_buffer&& other) noexcept {
        leased_buffer old(std::move(*this));
        home_ = std::exchange(other.home_, nullptr);
        size_ = std::exchange(other.size_, 0);
        block_ = other.block_;
        return *this;
    }
    ~leased_buffer() {
        if (home_) host::give_back(*home_, block_);
    }

    std::byte* data() const noexcept { return home_ ? host::address_of(*home_, block_) : nullptr; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    std::byte* begin() const noexcept { return data(); }
    std::byte* end() const noexcept { return data() + size_; }
    std::span<std::byte> bytes() const noexcept { return {data(), size_}; }

  private:
    // No address: a task that waits for its next buffer has room for this in its frame.
    lease_pool* home_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t block_ = 0;
};

} // namespace weft
