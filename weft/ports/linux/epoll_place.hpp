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

    // Where the worker's branches stand: a branch of this level may go by the descriptor's memory of this place.
    atomic<ready_level*> level{nullptr};
    // What is known of each direction, input and output: that nothing is to be had; that something is; or who waits for
    // it, a list whose first has the last as its `previous`. Only operations with io_careful are linked: one without is alone.
    io_operation* sides[2] = {};
    std::uint32_t generation = 0; // of the descriptor that is registered
    std::uint8_t traits = 0;

    static io_operation* word(std::uintptr_t w) noexcept { return reinterpret_cast<io_operation*>(w); }
    static io_operation* ready() noexcept { return word(1); }
    static bool anybody(io_operation* w) noexcept { return reinterpret_cast<std::uintptr_t>(w) > 2; }
    // Nothing is to be had, and no short way leads to waiting for it.
    static io_operation* nothing_careful() noexcept { return word(2); }
    io_operation* nothing() const noexcept {
        return traits & (sticky | has_records) ? nothing_careful() : nullptr;
    }

    void append(int side, io_operation& op) noexcept;
    void remove(int side, io_operation& op) noexcept;
    // From now on the one who waits for input goes no short way.
    void be_careful() noexcept;
};

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
    // nullptr without memory.
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
