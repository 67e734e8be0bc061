// Where root tasks live and die, and the memory of their frames, branches and children.
#include <weft/ports/chip/spawn.hpp>

#include <weft/ports/chip/children.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/shared_section.hpp>

namespace weft {

namespace chip {

namespace {

bool among_roots(const void* p) noexcept { return p >= weft_roots_start && p < weft_roots_end; }

} // namespace

const root_place* place_of(const branch& root) noexcept {
    auto* p = reinterpret_cast<const unsigned char*>(&root);
    for (const root_place* r = weft_root_places; r != weft_root_places_end; ++r)
        if (p >= r->slots && p < r->slots + std::size_t{r->stride} * r->instances) return r;
    return nullptr;
}

// The root that a branch descends from, by the scopes that it stands in; nullptr for a branch of other origin.
root_slot* root_of(branch& b) noexcept {
    branch* top = &b;
    while (branch* owner = top->scope->owner) top = owner;
    return among_roots(top) ? &root_slot::of(*top) : nullptr;
}

root_slot* running_root() noexcept {
    executor* here = static_cast<executor*>(port::current());
    job* j = here ? here->running() : nullptr;
    if (!j || j->is_message()) return nullptr;
    return root_of(static_cast<branch&>(*j));
}

scope_base::disposition root_scope::ended(scope_base&, branch& child, failure_cause* why) noexcept {
    if (why) {
        const root_place* place = place_of(child);
        print_all("\nthe root task ", place ? place->name : "?",
                  " ended with an error: ", why->code.message(), "\n");
        port::panic("nobody waits for a root task");
    }
    static_cast<executor*>(port::current())->leaving = root_slot::of(child).frame();
    return disposition::destroy;
}

namespace detail {

root_slot* claim(const root_place& place) noexcept {
    auto& here = static_cast<executor&>(*port::current());
    root_slot* found = nullptr;
    {
        shared_section section;
        for (unsigned i = 0; i < place.instances && !found; ++i)
            if (place.slot(i).is_free()) found = &place.slot(i);
        if (found) found->header.scope = &here.roots;
    }
    if (!found) return nullptr;
    found->units = place.arena_units;
    found->last = root_slot::none;
    here.making = found;
    here.making_bytes = place.frame_bytes;
    return found;
}

void launch(root_slot& slot, executor& home, continuation& frame, branch*& made) noexcept {
    auto& here = static_cast<executor&>(*port::current());
    if (&frame != slot.frame()) port::panic("a root task's frame is not where it belongs");
    here.making = &slot;
    made = home.roots.adopt(frame, home.level());
    here.making = nullptr;
}

} // namespace detail

} // namespace chip

namespace port {

void* allocate_frame(std::size_t bytes) noexcept {
    auto& here = static_cast<chip::executor&>(*current());
    if (chip::root_slot* slot = here.making) [[unlikely]] {
        here.making = nullptr;
        if (bytes > here.making_bytes) panic("a root task's frame is larger than was reserved for it");
        return slot->frame();
    }
    return chip::allocate_child(bytes);
}
void* allocate_large_frame(std::size_t bytes) noexcept {
    if (static_cast<chip::executor*>(current())->making) return allocate_frame(bytes);
    return chip::allocate_large_child(bytes);
}

// A root's own frame is free when its slot is.
void free_frame(void* frame, std::size_t bytes) noexcept {
    auto& here = static_cast<chip::executor&>(*current());
    if (frame == here.leaving) {
        here.leaving = nullptr;
        return;
    }
    chip::free_child(frame, bytes);
}
void free_large_frame(void* frame, std::size_t bytes) noexcept {
    auto& here = static_cast<chip::executor&>(*current());
    if (frame == here.leaving) return free_frame(frame, bytes);
    chip::free_large_child(frame, bytes);
}

void* allocate_branch() noexcept {
    if (chip::root_slot* slot = static_cast<chip::executor*>(current())->making) return &slot->header;
    return chip::allocate_child_branch();
}
void free_branch(void* slot) noexcept {
    if (!chip::among_roots(slot)) return chip::free_child_branch(slot);
    atomic_fence(order::release); // another hart may be the next to claim it
    static_cast<branch*>(slot)->scope = nullptr;
}

} // namespace port
} // namespace weft
