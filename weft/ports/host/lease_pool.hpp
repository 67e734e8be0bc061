// The memory that a worker lends to reads: see io/leased_buffer.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>
#include <weft/core/machine/executor.hpp>
#include <weft/io/leased_buffer.hpp>

namespace weft {

// Blocks of leased_buffer::capacity bytes, named by numbers. All members are for the home context but where noted. Lives
// until its worker has gone and every block that was lent has come back.
class lease_pool {
  public:
    static constexpr std::uint32_t none = UINT32_MAX;

    // For the worker whose context this is; nullptr without memory.
    static lease_pool* make() noexcept;
    // The worker goes.
    void leave() noexcept;

    // A block that is nobody's; none if there is none: then grow() may help.
    std::uint32_t take() noexcept;
    // False at the limit, or without memory.
    bool grow() noexcept;
    // take(), and grow() if need be.
    std::uint32_t take_or_grow() noexcept {
        std::uint32_t block = take();
        return block == none && grow() ? take() : block;
    }
    // Of a block that was taken and has not been lent.
    void put_back(std::uint32_t block) noexcept {
        next_[block] = spare_;
        spare_ = block;
    }
    // The block goes to a leased_buffer.
    void lend() noexcept { holders_.fetch_add(1, order::relaxed); }
    // The leased_buffer is gone. Any thread.
    void give_back(std::uint32_t block) noexcept;

    std::byte* at(std::uint32_t block) const noexcept {
        return slabs_[block / per_slab] + std::size_t{block % per_slab} * leased_buffer::capacity;
    }

  private:
    static constexpr std::uint32_t per_slab = 64;
    static_assert(leased_buffer::limit % per_slab == 0);

    lease_pool() noexcept = default;
    ~lease_pool();
    void let_go() noexcept;

    atomic<executor*> home_{nullptr};
    atomic<std::uint32_t> holders_{1};     // the worker, and every leased_buffer
    atomic<std::uint32_t> returned_{none}; // by other threads; linked by next_, as spare_ is
    std::uint32_t spare_ = none;
    std::uint32_t count_ = 0;
    std::uint32_t next_[leased_buffer::limit];
    std::byte* slabs_[leased_buffer::limit / per_slab];
};

} // namespace weft
