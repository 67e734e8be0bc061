// Where the root tasks of a firmware stand: storage of exactly their frames' sizes, laid out when the program is linked
// (tools/frames.py finds the sizes and writes the assembler file).
#pragma once

#include <cstdint>

#include <weft/core/machine/branch.hpp>
#include <weft/core/port.hpp>

namespace weft::chip {

// One instance of a root task: its branch, then an arena for its children's frames, then its own frame. Zero when free.
//
// The arena is last in, first out as long as children come and go like calls; one that goes out of turn leaves a hole,
// which is used again when there is no room at the top.
struct alignas(port::frame_block) root_slot {
    branch header;       // first
    std::uint16_t last;  // the topmost block's offset, in units of port::frame_block; `none`
    std::uint16_t units; // of the arena
    static constexpr std::uint16_t none = 0xffff;
    // Before each child's frame.
    struct alignas(port::frame_block) block {
        root_slot* owner;
        std::uint16_t units; // with this header; the highest bit: it is free
        std::uint16_t before;
        static constexpr std::uint16_t free = 0x8000;
    };

    bool is_free() const noexcept { return header.scope == nullptr; }
    void* frame() noexcept { return &at(units); }
    void* allocate(std::size_t bytes) noexcept;
    static void release(void* frame) noexcept;
    // The slot that a root's branch stands in.
    static root_slot& of(branch& root) noexcept { return reinterpret_cast<root_slot&>(root); }

  private:
    block& at(unsigned offset) noexcept {
        return *reinterpret_cast<block*>(reinterpret_cast<unsigned char*>(this + 1) +
                                         offset * port::frame_block);
    }
};

// Written by tools/frames.py, one for each root task; in read-only memory.
struct root_place {
    unsigned char* slots;
    const char* name;
    std::uint32_t stride;      // bytes from one instance to the next
    std::uint32_t frame_bytes; // of its own frame
    std::uint16_t arena_units; // of its children's memory, in port::frame_block
    std::uint16_t instances;

    root_slot& slot(unsigned i) const noexcept {
        return *reinterpret_cast<root_slot*>(slots + std::size_t{i} * stride);
    }
};

} // namespace weft::chip

// From the linker script and tools/frames.py.
extern "C" {
extern const weft::chip::root_place weft_root_places[], weft_root_places_end[];
extern unsigned char weft_roots_start[], weft_roots_end[];
extern unsigned char weft_branches[], weft_branches_end[];
}
