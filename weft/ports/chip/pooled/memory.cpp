// Memory for frames and branches out of all that the program leaves free, for programs that make tasks as they go. One
// free list for each size; large frames come in powers of two.
#include <new>

#include <weft/core/machine/branch.hpp>
#include <weft/core/port.hpp>
#include <weft/ports/chip/children.hpp>
#include <weft/ports/chip/pooled/memory.hpp>
#include <weft/ports/chip/shared_section.hpp>

namespace weft {

struct region {
    std::uintptr_t next;
    std::uintptr_t end;

    void* take(std::size_t bytes) noexcept {
        next = (next + port::frame_block - 1) / port::frame_block * port::frame_block;
        if (next > end || end - next < bytes) return nullptr;
        void* block = reinterpret_cast<void*>(next);
        next += bytes;
        return block;
    }
};

} // namespace weft

// From the linker script: the memories that the program leaves free.
extern "C" const weft::region weft_memories[], weft_memories_end[];

namespace weft {

namespace {

struct free_block {
    free_block* next;
};

constexpr std::size_t most_regions = 4;
constexpr std::size_t small_classes = port::small_frame / port::frame_block + 1;
constexpr std::size_t large_classes = sizeof(std::size_t) * 8;

free_block* small_blocks[small_classes];
free_block* large_blocks[large_classes];
free_block* free_branches = nullptr;
region regions[most_regions];
std::size_t regions_known = 0;
pool::usage counts;
std::size_t failing = 0;

constexpr std::uintptr_t block_of_a_branch =
    (sizeof(branch) + port::frame_block - 1) / port::frame_block * port::frame_block;

bool refused() noexcept {
    ++counts.asked;
    return failing != 0 && --failing == 0;
}

void* take(free_block*& list, std::size_t bytes) noexcept {
    if (free_block* b = list) {
        list = b->next;
        return b;
    }
    if (regions_known == 0)
        for (const region* r = weft_memories; r != weft_memories_end && regions_known < most_regions; ++r)
            regions[regions_known++] = *r;
    for (std::size_t i = 0; i < regions_known; ++i)
        if (void* block = regions[i].take(bytes)) return block;
    return nullptr;
}

std::size_t large_class(std::size_t bytes) noexcept {
    return sizeof(long) * 8 - static_cast<std::size_t>(__builtin_clzl(bytes - 1));
}

} // namespace

namespace pool {

usage measure() noexcept { return counts; }
void fail_allocation(std::size_t number) noexcept {
    failing = number;
    counts.asked = 0;
}

} // namespace pool

namespace chip {

void* allocate_child(std::size_t bytes) noexcept {
    shared_section section;
    if (refused()) return nullptr;
    void* frame = take(small_blocks[bytes / port::frame_block], bytes);
    if (frame) ++counts.live_frames;
    return frame;
}
void free_child(void* frame, std::size_t bytes) noexcept {
    shared_section section;
    --counts.live_frames;
    free_block*& list = small_blocks[bytes / port::frame_block];
    list = new (frame) free_block{list};
}

void* allocate_large_child(std::size_t bytes) noexcept {
    shared_section section;
    if (refused()) return nullptr;
    std::size_t c = large_class(bytes);
    void* frame = take(large_blocks[c], std::size_t{1} << c);
    if (frame) ++counts.live_frames;
    return frame;
}
void free_large_child(void* frame, std::size_t bytes) noexcept {
    shared_section section;
    --counts.live_frames;
    free_block*& list = large_blocks[large_class(bytes)];
    list = new (frame) free_block{list};
}

// A free slot keeps its bytes but for the first word, so that the generation survives. Fresh memory may hold anything.
void* allocate_child_branch() noexcept {
    shared_section section;
    if (refused()) return nullptr;
    bool fresh = free_branches == nullptr;
    void* slot = take(free_branches, block_of_a_branch);
    if (!slot) return nullptr;
    if (fresh) __builtin_memset(slot, 0, sizeof(branch));
    ++counts.live_branches;
    return slot;
}
void free_child_branch(void* slot) noexcept {
    shared_section section;
    --counts.live_branches;
    auto* b = static_cast<free_block*>(slot);
    b->next = free_branches;
    free_branches = b;
}

} // namespace chip
} // namespace weft
