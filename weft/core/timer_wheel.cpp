#include <weft/core/timer_wheel.hpp>

namespace weft {

namespace {

// next_deadline() looks at this many timers of a slot before it settles for the slot's first moment.
constexpr int exact_up_to = 16;

// In place of a slot's number: the timer stands in the list of those that are due.
constexpr std::uint16_t being_fired = 0xffff;

// Longer lists go down a level instead: one more look at each timer sorts them 64 ways.
constexpr int sorted_at_most = 32;

bool longer_than(const timer* list, int n) noexcept {
    for (; list; list = list->next)
        if (--n < 0) return true;
    return false;
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
    auto index = static_cast<unsigned>(level * slots + slot);
    fifo& list = slots_[index];
    t.slot = static_cast<std::uint16_t>(index);
    t.next = nullptr;
    t.link = list.tail;
    *list.tail = &t;
    list.tail = &t.next;
    in_use_[level] |= std::uint64_t{1} << slot;
    levels_in_use_ |= 1u << level;
}

void timer_wheel::insert(timer& t) noexcept { place(t); }

void timer_wheel::remove(timer& t) noexcept {
    if (!t.link) return;
    *t.link = t.next;
    if (t.next) {
        t.next->link = t.link;
    } else if (t.slot != being_fired) {
        slots_[t.slot].tail = t.link;
        if (!slots_[t.slot].head) note_empty(t.slot);
    }
    t.link = nullptr;
}

void timer_wheel::note_empty(unsigned index) noexcept {
    in_use_[index / slots] &= ~(std::uint64_t{1} << (index % slots));
    if (!in_use_[index / slots]) levels_in_use_ &= ~(1u << (index / slots));
}

timer* timer_wheel::take_slot(int level, int slot) noexcept {
    auto index = static_cast<unsigned>(level * slots + slot);
    timer* list = slots_[index].head;
    slots_[index].head = nullptr;
    slots_[index].tail = &slots_[index].head;
    note_empty(index);
    return list;
}

// A stable merge sort by deadline ; bottom-up, with as many runs as bits.
timer* timer_wheel::sorted(timer* list) noexcept {
    if (!list || !list->next) return list;
    auto merge = [](timer* a, timer* b) noexcept { // a before b where they are equal
        timer* head = nullptr;
        timer** tail = &head;
        while (a && b) {
            timer*& lesser = b->deadline < a->deadline ? b : a;
            *tail = lesser;
            tail = &lesser->next;
            lesser = lesser->next;
        }
        *tail = a ? a : b;
        return head;
    };
    timer* runs[32] = {};
    while (list) {
        timer* run = list;
        list = list->next;
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
        timer* rest = list->next;
        place(*list);
        list = rest;
    }
}

// expire() may remove timers that stand in this list, so each has its link.
std::size_t timer_wheel::fire(timer* due) noexcept {
    std::size_t fired = 0;
    timer** link = &due;
    for (timer* t = due; t; t = t->next) {
        __builtin_prefetch(t->owner);
        t->slot = being_fired;
        t->link = link;
        link = &t->next;
    }
    while (due) {
        timer& t = *due;
        due = t.next;
        if (due) due->link = &due;
        t.link = nullptr;
        ++fired;
        if (t.owner) __builtin_prefetch(t.owner->target); // the frame: its turn is near
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
    for (const timer* t = slots_[level * slots + slot].head; t; t = t->next) {
        if (++seen > exact_up_to) {
            return static_cast<std::int64_t>(first_moment(level, slot));
        }
        if (t->deadline < least) least = t->deadline;
    }
    return least;
}

} // namespace weft
