// What a worker's epoll back-end knows of each descriptor, by its number.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>
#include <weft/io/operation.hpp>

namespace weft {

// One worker's record of a descriptor number. The memory is a place of this number for the life of the program.
struct io_place {
    enum trait : std::uint8_t {
        sticky = 1,       // hung up, in error, or with urgent data: a short transfer says nothing
        has_records = 2,  // as io_handle::records
        output_armed = 4, // the kernel tells of output, too
    };
    // What is known of one direction, input or output: that nothing is to be had; that something is; that nothing is, and
    // no short way leads to waiting for it; or who waits, a list whose first has the last as its `previous`. Only
    // operations with io_careful are linked: one without is alone. With plain_bit, one that waits for input alone has come
    // by the short way: a receive of some, its manner not yet filled in, and not counted in its handle.
    static constexpr std::uintptr_t nothing = 0, something = 1, nothing_careful = 2, plain_bit = 4;

    // Where the worker's branches stand: a branch of this level may go by the descriptor's memory of this place.
    atomic<run_queue*> level{nullptr};
    atomic<std::uintptr_t> sides[2]; // written by the home only
    std::uint32_t generation = 0;    // of the descriptor that is registered
    static constexpr std::size_t most = std::size_t{1}
                                        << 24; // numbers of descriptors; beyond, there is no place
    std::uint32_t fd : 24 = 0;
    std::uint32_t traits : 8 = 0;

    void note(trait t) noexcept { traits = (traits | t) & 0xff; }

    std::uintptr_t known_of(int side) const noexcept { return sides[side].load(order::relaxed); }
    void know(int side, std::uintptr_t what) noexcept { sides[side].store(what, order::relaxed); }
    void know_nothing(int side) noexcept {
        know(side, traits & (sticky | has_records) ? nothing_careful : nothing);
    }
    static std::uintptr_t plain(const io_operation& op) noexcept {
        return reinterpret_cast<std::uintptr_t>(&op) + plain_bit;
    }

    // Who waits first; nullptr: nobody. What the short way has left open is filled in.
    io_operation* first(int side) noexcept;
    void append(int side, io_operation& op) noexcept;
    void remove(int side, io_operation& op) noexcept;
    // From now on nobody goes the short way for input.
    void be_careful() noexcept;

  private:
    static void link_alone(io_operation& op) noexcept;
    void set_first(int side, io_operation& op) noexcept { know(side, reinterpret_cast<std::uintptr_t>(&op)); }
};
static_assert(alignof(io_operation) > io_place::plain_bit);
static_assert(sizeof(io_place) == 32); // each connection has one

// The places of one back-end. Descriptors remember places, and may outlive the back-end: so the memory stays a block of
// places of the same numbers, which serves another back-end later.
class place_table {
  public:
    place_table() noexcept = default;
    ~place_table();
    place_table(const place_table&) = delete;
    place_table& operator=(const place_table&) = delete;

    // nullptr if it was never asked for by make().
    io_place* find(std::size_t fd) const noexcept {
        std::size_t block = fd / per_block;
        return block < count_ && blocks_[block] ? &blocks_[block]->places[fd % per_block] : nullptr;
    }
    // nullptr without memory, and for a number beyond io_place::most.
    io_place* make(std::size_t fd) noexcept;

  private:
    static constexpr std::size_t per_block = 256;
    struct block {
        std::size_t number;
        block* next;
        io_place places[per_block];
    };
    static block* take(std::size_t number) noexcept;

    static block* unused_;
    block** blocks_ = nullptr;
    std::size_t count_ = 0;
};

} // namespace weft
