// Frames of children in the arena of the root that runs; branches out of as many as the roots have asked for.
#include <weft/ports/chip/children.hpp>
#include <weft/ports/chip/shared_section.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace weft::chip {

namespace {

job* free_branches = nullptr; // linked by job::next
unsigned char* fresh_branches = nullptr;

} // namespace

void* root_slot::allocate(std::size_t bytes) noexcept {
    auto wanted = static_cast<unsigned>((bytes + sizeof(block) + port::frame_block - 1) / port::frame_block);
    shared_section section; // tasks of this root may run on another executor, too
    unsigned top = last == none ? 0 : last + at(last).units;
    if (wanted <= units - top) {
        block& b = at(top);
        b = {this, static_cast<std::uint16_t>(wanted), last};
        last = static_cast<std::uint16_t>(top);
        return &b + 1;
    }
    for (unsigned i = last; i != none; i = at(i).before) {
        block& b = at(i);
        if (b.units & block::free && (b.units & ~unsigned{block::free}) >= wanted) {
            b.units = static_cast<std::uint16_t>(b.units & ~block::free);
            return &b + 1;
        }
    }
    return nullptr;
}

void root_slot::release(void* frame) noexcept {
    block& b = static_cast<block*>(frame)[-1];
    root_slot& s = *b.owner;
    shared_section section;
    b.units |= block::free;
    while (s.last != none && s.at(s.last).units & block::free) s.last = s.at(s.last).before;
}

void* allocate_child(std::size_t bytes) noexcept {
    root_slot* root = running_root();
    return root ? root->allocate(bytes) : nullptr;
}
void free_child(void* frame, std::size_t) noexcept { root_slot::release(frame); }
void* allocate_large_child(std::size_t bytes) noexcept { return allocate_child(bytes); }
void free_large_child(void* frame, std::size_t) noexcept { root_slot::release(frame); }

void* allocate_child_branch() noexcept {
    shared_section section;
    if (job* b = free_branches) {
        free_branches = b->next;
        return b;
    }
    if (!fresh_branches) fresh_branches = weft_branches;
    if (fresh_branches == weft_branches_end) return nullptr;
    void* slot = fresh_branches;
    fresh_branches += sizeof(branch);
    return slot;
}
void free_child_branch(void* slot) noexcept {
    shared_section section;
    auto* b = static_cast<branch*>(slot);
    b->next = free_branches;
    free_branches = b;
}

} // namespace weft::chip
