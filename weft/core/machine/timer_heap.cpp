#include <weft/core/machine/timer_heap.hpp>

#include <weft/core/machine/choice.hpp>

namespace weft {

// A node's `previous` is its first child, and its `next` the sibling after it. Words with the lowest bit set are ends: the
// last sibling's `next` is its parent, and the `previous` of a node without children is the node itself, so that the first
// child takes its end from there. The root's `next` is that bit alone, and in no heap `next` is nullptr. So two words do where
// a pairing heap mostly has three: what takes a timer out before its time looks for the one before it among its siblings.
namespace {

constexpr std::uintptr_t end_mark = 1;

std::uintptr_t word(timer_links* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }
timer_links* end_at(timer_links* p) noexcept { return reinterpret_cast<timer_links*>(word(p) | end_mark); }
bool is_end(timer_links* p) noexcept { return word(p) & end_mark; }

timer& timer_of(timer_links* p) noexcept {
    return static_cast<timer&>(*p);
} // not nullptr: a cast of pointers would ask
std::int64_t deadline_of(timer_links* p) noexcept { return timer_of(p).deadline; }

// In halves: what 32 bits make of a comparison of 64, but that the upper ones are mostly equal.
WEFT_INLINE inline bool sooner(timer_links* a, timer_links* b) noexcept {
    auto upper_a = static_cast<std::int32_t>(deadline_of(a) >> 32);
    auto upper_b = static_cast<std::int32_t>(deadline_of(b) >> 32);
    if (upper_a != upper_b) [[unlikely]]
        return upper_a < upper_b;
    return static_cast<std::uint32_t>(deadline_of(a)) < static_cast<std::uint32_t>(deadline_of(b));
}

void put_below(timer_links* top, timer_links* child) noexcept {
    child->next = top->previous;
    top->previous = child;
}

// Of equal deadlines the older one stays on top, and so goes first.
WEFT_INLINE inline timer_links* merge(timer_links* older, timer_links* newer) noexcept {
    if (sooner(newer, older) || (seeded && deadline_of(newer) == deadline_of(older) && port::choose(2))) {
        put_below(newer, older);
        return newer;
    }
    put_below(older, newer);
    return older;
}

// In pairs from the newest to the oldest child, and then from the oldest pair back. nullptr without children.
WEFT_INLINE inline timer_links* merge_children(timer_links& parent) noexcept {
    timer_links* child = parent.previous;
    if (is_end(child)) return nullptr;
    timer_links* pairs = nullptr;
    do {
        timer_links* next = child->next;
        if (!is_end(next)) {
            timer_links* older = next;
            next = older->next;
            child = merge(older, child);
        }
        child->next = pairs;
        pairs = child;
        child = next;
    } while (!is_end(child));
    timer_links* all = pairs;
    pairs = pairs->next;
    while (pairs) {
        timer_links* pair = pairs;
        pairs = pair->next;
        all = merge(all, pair);
    }
    return all;
}

} // namespace

void timer_heap::set_root(timer_links* t) noexcept {
    root_ = t;
    if (t) t->next = end_at(nullptr);
}

bool timer_heap::insert(timer& added) noexcept {
    timer_links* t = &added;
    t->previous = end_at(t);
    set_root(root_ ? merge(root_, t) : t);
    return root_ == t;
}

timer& timer_heap::pop() noexcept {
    timer_links* t = root_;
    set_root(merge_children(*t));
    t->next = nullptr;
    return timer_of(t);
}

void timer_heap::remove(timer& removed) noexcept {
    timer_links* t = &removed;
    if (!t->next) return;
    if (root_ == t) return static_cast<void>(pop());
    timer_links** at = &t->next;
    while (!is_end(*at)) at = &(*at)->next;
    auto* parent = reinterpret_cast<timer_links*>(word(*at) & ~end_mark);
    at = &parent->previous;
    while (*at != t) at = &(*at)->next;
    *at = t->next; // for an only child the parent's end
    t->next = nullptr;
    // Its children become the root's.
    if (is_end(t->previous)) return;
    timer_links* last = t->previous;
    while (!is_end(last->next)) last = last->next;
    last->next = root_->previous;
    root_->previous = t->previous;
}

std::size_t timer_heap::advance(std::int64_t now) noexcept {
    std::size_t fired = 0;
    for (; root_ && deadline_of(root_) <= now; ++fired) pop().expire();
    return fired;
}

} // namespace weft
