#include <weft/core/machine/timer_wheel.hpp>

#include <weft/core/machine/choice.hpp>

namespace weft {

namespace {

// next_deadline() looks at this many timers of a slot before it settles for the slot's first moment.
constexpr int exact_up_to = 16;

// Longer lists go down a level instead: one more look at each timer sorts them 64 ways.
constexpr int sorted_at_most = 32;

timer* after(const timer& t) noexcept { return static_cast<timer*>(t.next); }

bool longer_than(const timer* list, int n) noexcept {
    for (; list; list = after(*list))
        if (--n < 0) return true;
    return false;
}

// Of those at the front of a ring that share a deadline.
[[maybe_unused]] timer& any_of_the_first(timer_links& ring) noexcept {
    auto& first = static_cast<timer&>(*ring.next);
    std::size_t n = 0;
    for (timer_links* l = &first; l != &ring && n < chosen_among; l = l->next, ++n)
        if (static_cast<timer*>(l)->deadline != first.deadline) break;
    timer_links* t = &first;
    for (std::size_t i = port::choose(n); i != 0; --i) t = t->next;
    return static_cast<timer&>(*t);
}

int level_of(std::uint64_t now, std::uint64_t deadline) noexcept {
    std::uint64_t differing = now ^ deadline;
    return differing < 64 ? 0 : (63 - __builtin_clzll(differing)) / 6;
}

} // namespace

// A timer stands in the level of the highest 6-bit digit in which its deadline differs from now, in the slot of that
// digit: so every lower level comes before every higher one, and the slots of a level in their order.
void timer_wheel::place(timer& t) noexcept {
    std::uint64_t deadline =
        t.deadline > now_ ? static_cast<std::uint64_t>(t.deadline) : static_cast<std::uint64_t>(now_);
    int level = level_of(static_cast<std::uint64_t>(now_), deadline);
    int slot = static_cast<int>(deadline >> (level * bits)) & (slots - 1);
    timer_links& end = slots_[level * slots + slot];
    t.next = &end;
    t.previous = end.previous;
    end.previous->next = &t;
    end.previous = &t;
    in_use_[level] |= std::uint64_t{1} << slot;
    levels_in_use_ |= 1u << level;
}

void timer_wheel::insert(timer& t) noexcept { place(t); }

void timer_wheel::remove(timer& t) noexcept {
    if (!t.previous) return;
    timer_links* end = t.next;
    end->previous = t.previous;
    t.previous->next = end;
    t.previous = nullptr;
    if (end->previous != end) return;
    // The last of its ring: a slot's, or that of the timers which are being fired.
    if (end < slots_ || end >= slots_ + level_count * slots) return;
    auto index = static_cast<std::size_t>(end - slots_);
    in_use_[index / slots] &= ~(std::uint64_t{1} << (index % slots));
    if (!in_use_[index / slots]) levels_in_use_ &= ~(1u << (index / slots));
}

// Linked by `next` only, from now on.
timer* timer_wheel::take_slot(int level, int slot) noexcept {
    timer_links& end = slots_[level * slots + slot];
    auto* first = static_cast<timer*>(end.next);
    end.previous->next = nullptr;
    end.next = end.previous = &end;
    in_use_[level] &= ~(std::uint64_t{1} << slot);
    if (!in_use_[level]) levels_in_use_ &= ~(1u << level);
    return first;
}

// A stable merge sort by deadline; bottom-up, with as many runs as bits.
timer* timer_wheel::sorted(timer* list) noexcept {
    if (!list || !list->next) return list;
    auto merge = [](timer* a, timer* b) noexcept { // a before b where they are equal
        timer_links head;
        timer_links* tail = &head;
        while (a && b) {
            timer*& lesser = b->deadline < a->deadline ? b : a;
            tail->next = lesser;
            tail = lesser;
            lesser = after(*lesser);
        }
        tail->next = a ? a : b;
        return static_cast<timer*>(head.next);
    };
    timer* runs[32] = {};
    while (list) {
        timer* run = list;
        list = after(*list);
        run->next = nullptr;
        int i = 0;
        for (; i < 31 && runs[i]; ++i) {
            run = merge(runs[i], run);
            runs[i] = nullptr;
        }
        runs[i] = runs[i] ? merge(runs[i], run) : run;
    }
    timer* all = nullptr;
    for (timer* run : runs) all = run ? (all ? merge(run, all) : run) : all;
    return all;
}

std::size_t timer_wheel::advance(std::int64_t to, std::size_t most) noexcept {
    if (to < now_) to = now_;
    std::size_t fired = 0;
    while (levels_in_use_) {
        if (fired >= most) return fired;
        int level = __builtin_ctz(levels_in_use_);
        int slot = __builtin_ctzll(in_use_[level]);
        auto first = static_cast<std::int64_t>(first_moment(level, slot));
        auto last =
            static_cast<std::int64_t>(first_moment(level, slot) | ((std::uint64_t{1} << (level * bits)) - 1));
        if (first > to) break;
        timer* list = take_slot(level, slot);
        if (level > 0 && (last > to || longer_than(list, sorted_at_most))) {
            if (first > now_) now_ = first;
            move_down(list);
            continue;
        }
        if (last > now_) now_ = last;
        fired += fire(sorted(list));
    }
    if (to > now_) now_ = to;
    return fired;
}

// Above the top level's digit there is nothing.
std::uint64_t timer_wheel::first_moment(int level, int slot) const noexcept {
    int shift = level * bits;
    std::uint64_t above =
        shift + bits >= 64 ? 0 : static_cast<std::uint64_t>(now_) >> (shift + bits) << (shift + bits);
    return above | static_cast<std::uint64_t>(slot) << shift;
}

void timer_wheel::move_down(timer* list) noexcept {
    while (list) {
        timer* rest = after(*list);
        place(*list);
        list = rest;
    }
}

// expire() may remove timers that stand in this list, so it is a ring, too.
std::size_t timer_wheel::fire(timer* due) noexcept {
    timer_links ring;
    ring.next = due;
    timer_links* last = &ring;
    for (timer* t = due; t; t = after(*t)) {
        __builtin_prefetch(t->owner);
        t->previous = last;
        last = t;
    }
    last->next = &ring;
    ring.previous = last;
    std::size_t fired = 0;
    while (ring.next != &ring) {
        auto& t = seeded ? any_of_the_first(ring) : static_cast<timer&>(*ring.next);
        timer_links& before = seeded ? *t.previous : ring;
        before.next = t.next;
        t.next->previous = &before;
        t.previous = nullptr;
        ++fired;
        if (const branch* b =
                t.owner) { // its turn is near: the frame, and its place in the scope when it ends
            __builtin_prefetch(b->target);
            // Where workers share scopes, neighbours on other workers write these under the scope's guard.
            if (!b->home().owner->shared) {
                __builtin_prefetch(b->previous);
                __builtin_prefetch(b->following);
            }
        }
        t.expire();
    }
    return fired;
}

std::int64_t timer_wheel::next_deadline() const noexcept {
    if (!levels_in_use_) return never;
    int level = __builtin_ctz(levels_in_use_);
    int slot = __builtin_ctzll(in_use_[level]);
    std::int64_t least = never;
    int seen = 0;
    const timer_links& end = slots_[level * slots + slot];
    for (const timer_links* l = end.next; l != &end; l = l->next) {
        if (++seen > exact_up_to) return static_cast<std::int64_t>(first_moment(level, slot));
        std::int64_t deadline = static_cast<const timer*>(l)->deadline;
        if (deadline < least) least = deadline;
    }
    return least;
}

} // namespace weft
