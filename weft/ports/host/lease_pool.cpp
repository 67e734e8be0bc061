#include <weft/ports/host/lease_pool.hpp>

#include <cstdlib>
#include <new>

#include <weft/core/port.hpp>

namespace weft {

lease_pool* lease_pool::make() noexcept {
    auto* pool = new (std::nothrow) lease_pool;
    if (pool) pool->home_.store(port::current(), order::relaxed);
    return pool;
}

void lease_pool::leave() noexcept {
    home_.store(nullptr, order::relaxed);
    let_go();
}

lease_pool::~lease_pool() {
    for (std::uint32_t i = 0; i < count_ / per_slab; ++i) std::free(slabs_[i]);
}

void lease_pool::let_go() noexcept {
    if (holders_.fetch_sub(1, order::acq_rel) == 1) delete this;
}

std::uint32_t lease_pool::take() noexcept {
    if (spare_ == none) spare_ = returned_.exchange(none, order::acquire);
    std::uint32_t block = spare_;
    if (block != none) spare_ = next_[block];
    return block;
}

bool lease_pool::grow() noexcept {
    if (count_ == leased_buffer::limit) return false;
    auto* slab = static_cast<std::byte*>(
        std::aligned_alloc(leased_buffer::capacity, per_slab * leased_buffer::capacity));
    if (!slab) return false;
    slabs_[count_ / per_slab] = slab;
    for (std::uint32_t block = count_ + per_slab; block-- > count_;) put_back(block);
    count_ += per_slab;
    return true;
}

void lease_pool::give_back(std::uint32_t block) noexcept {
    executor* home = home_.load(order::relaxed);
    if (home && home == port::current()) {
        put_back(block);
    } else {
        std::uint32_t newest = returned_.load(order::relaxed);
        do {
            next_[block] = newest;
        } while (!returned_.compare_exchange(newest, block, order::acq_rel));
    }
    let_go();
}

} // namespace weft
