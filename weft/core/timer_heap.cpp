#include <weft/core/timer_heap.hpp>

namespace weft {

// A node's `previous` is its first child; its `next` is the sibling after it, or, for the last of them, the parent with the
// lowest bit set, which the root has alone. So two words do where a pairing heap mostly has three: what takes a timer out
// before its time looks for the one before it among its siblings. In no heap, `next` is nullptr.
namespace {

constexpr std::uintptr_t last = 1;

std::uintptr_t word(timer_links* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }
timer_links* links(std::uintptr_t w) noexcept { return reinterpret_cast<timer_links*>(w); }

timer* first_child(const timer& t) noexcept { return static_cast<timer*>(t.previous); }
bool is_last(const timer& t) noexcept { return word(t.next) & last; }
timer* sibling_after(const timer& t) noexcept { return is_last(t) ? nullptr : static_cast<timer*>(t.next); }
void let_go(timer& t) noexcept { t.next = t.previous = nullptr; }

} // namespace

// Of equal deadlines the older one stays on top, and so goes first.
inline timer* timer_heap::merge(timer* older, timer* newer) noexcept {
    timer* top = older;
    timer* below = newer;
    if (newer->deadline < older->deadline) {
        top = newer;
        below = older;
    }
    timer* child = first_child(*top);
    below->next = child ? child : links(word(top) | last);
    top->previous = below;
    return top;
}

// In pairs from the newest to the oldest child, and then from the oldest pair back.
timer* timer_heap::merge_children(timer& parent) noexcept {
    timer* child = first_child(parent);
    if (!child) return nullptr;
    timer* pairs = nullptr;
    while (child) {
        timer* pair = child;
        child = sibling_after(*pair);
        if (child) {
            timer* older = child;
            child = sibling_after(*older);
            pair = merge(older, pair);
        }
        pair->next = pairs;
        pairs = pair;
    }
    timer* all = pairs;
    pairs = static_cast<timer*>(pairs->next);
    while (pairs) {
        timer* pair = pairs;
        pairs = static_cast<timer*>(pair->next);
        all = merge(all, pair);
    }
    return all;
}

void timer_heap::set_root(timer* t) noexcept {
    root_ = t;
    if (t) t->next = links(last);
}

void timer_heap::insert(timer& t) noexcept {
    t.previous = nullptr;
    set_root(root_ ? merge(root_, &t) : &t);
}

void timer_heap::remove(timer& t) noexcept {
    if (!t.next) return;
    timer* orphans = merge_children(t);
    if (root_ == &t) {
        let_go(t);
        return set_root(orphans);
    }
    timer* end = &t;
    while (!is_last(*end)) end = static_cast<timer*>(end->next);
    auto* parent = static_cast<timer*>(links(word(end->next) & ~last));
    if (first_child(*parent) == &t) {
        parent->previous = sibling_after(t);
    } else {
        timer* before = first_child(*parent);
        while (before->next != static_cast<timer_links*>(&t)) before = static_cast<timer*>(before->next);
        before->next = t.next;
    }
    let_go(t);
    if (orphans) set_root(merge(root_, orphans));
}

std::size_t timer_heap::advance(std::int64_t now) noexcept {
    std::size_t fired = 0;
    while (root_ && root_->deadline <= now) {
        timer& t = *root_;
        set_root(merge_children(t));
        let_go(t);
        ++fired;
        t.expire();
    }
    return fired;
}

} // namespace weft
