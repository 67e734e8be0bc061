// leased_buffer as weft/io/leased_buffer.hpp has it: the memory in which lwIP has received.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <lwip/pbuf.h>

namespace weft {

namespace lwip {

// Move-only; gives its memory back to lwIP when it goes, on the executor of the interface. Its bytes may be changed. As a
// range of bytes, it can be written and copied as it is.
class leased_buffer {
  public:
    // The most that one read yields.
    static constexpr std::size_t capacity = TCP_MSS;
    // How many are lent at the same time, of the PBUF_POOL_SIZE that all connections receive in.
    static constexpr unsigned limit = PBUF_POOL_SIZE / 2;

    // Empty: what the end of the input yields.
    leased_buffer() noexcept = default;
    // For operations. The first `read` bytes of it have been read.
    leased_buffer(pbuf* p, std::size_t read) noexcept : at_(p), read_(read) { ++lent_; }
    leased_buffer(leased_buffer&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), read_(other.read_) {}
    leased_buffer& operator=(leased_buffer&& other) noexcept {
        leased_buffer old(std::move(*this));
        at_ = std::exchange(other.at_, nullptr);
        read_ = other.read_;
        return *this;
    }
    ~leased_buffer() {
        if (!at_) return;
        pbuf_free(at_);
        --lent_;
    }

    std::byte* data() const noexcept { return at_ ? static_cast<std::byte*>(at_->payload) + read_ : nullptr; }
    std::size_t size() const noexcept { return at_ ? at_->len - read_ : 0; }
    bool empty() const noexcept { return size() == 0; }
    std::byte* begin() const noexcept { return data(); }
    std::byte* end() const noexcept { return data() + size(); }
    std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

    static unsigned lent() noexcept { return lent_; }

  private:
    static inline unsigned lent_ = 0;

    pbuf* at_ = nullptr;
    std::size_t read_ = 0;
};

} // namespace lwip

using lwip::leased_buffer;

} // namespace weft
