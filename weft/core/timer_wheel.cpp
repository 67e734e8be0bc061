#include <weft/core/timer_wheel.hpp>

namespace weft {

namespace {

// next_deadline() looks at this many timers of a slot before it settles for the slot's first moment.
constexpr int exact_up_to = 16;

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
    timer*& head = heads_[level][slot];
    t.next = head;
    if (head) head->link = &t.next;
    t.link = &head;
    head = &t;
    in_use_[level] |= std::uint64_t{1} << slot;
    levels_in_use_ |= 1u << level;
}

void timer_wheel::insert(timer& t) noexcept { place(t); }

void timer_wheel::remove(timer& t) noexcept {
    if (!t.link) return;
    *t.link = t.next;
    if (t.next) {
        t.next->link = t.link;
    } else if (t.link >= &heads_[0][0] && t.link <= &heads_[level_count - 1][slots - 1]) {
        auto index = static_cast<unsigned>(t.link - &heads_[0][0]);
        in_use_[index / slots] &= ~(std::uint64_t{1} << (index % slots));
        if (!in_use_[index / slots]) levels_in_use_ &= ~(1u << (index / slots));
    }
    t.link = nullptr;
}

timer* timer_wheel::take_slot(int level, int slot) noexcept {
    timer* list = heads_[level][slot];
    heads_[level][slot] = nullptr;
    in_use_[level] &= ~(std::uint64_t{1} << slot);
    if (!in_use_[level]) levels_in_use_ &= ~(1u << level);
    return list;
}

// A stable merge sort by deadline of a list that holds the newest first; bottom-up, with as many runs as bits.
timer* timer_wheel::sorted(timer* list) noexcept {
    if (!list || !list->next) return list;
    timer* oldest = nullptr;
    while (list) {
        timer* rest = list->next;
        list->next = oldest;
        oldest = list;
        list = rest;
    }
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
    while (oldest) {
        timer* run = oldest;
        oldest = oldest->next;
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

std::size_t timer_wheel::advance(std::int64_t to) noexcept {
    if (to < now_) to = now_;
    std::size_t fired = 0;
    while (levels_in_use_) {
        int level = __builtin_ctz(levels_in_use_);
        int slot = __builtin_ctzll(in_use_[level]);
        int shift = level * bits;
        // First and last moment of the slot. Above the top level's digit there is nothing.
        std::uint64_t above =
            shift + bits >= 64 ? 0 : static_cast<std::uint64_t>(now_) >> (shift + bits) << (shift + bits);
        std::uint64_t first = above | static_cast<std::uint64_t>(slot) << shift;
        std::uint64_t last = first | ((std::uint64_t{1} << shift) - 1);
        if (static_cast<std::int64_t>(first) > to) break;
        timer* list = take_slot(level, slot);
        if (static_cast<std::int64_t>(last) > to) {
            // The slot's time has begun but is not over: its timers go down, or fire.
            now_ = static_cast<std::int64_t>(first) > now_ ? static_cast<std::int64_t>(first) : now_;
            if (level == 0) break;
            timer* oldest = nullptr; // keep the order of insertion
            while (list) {
                timer* rest = list->next;
                list->next = oldest;
                oldest = list;
                list = rest;
            }
            while (oldest) {
                timer* rest = oldest->next;
                place(*oldest);
                oldest = rest;
            }
            continue;
        }
        if (static_cast<std::int64_t>(last) > now_) now_ = static_cast<std::int64_t>(last);
        // expire() may remove timers that stand in this list, so each has its link.
        timer* due = sorted(list);
        timer** link = &due;
        for (timer* t = due; t; t = t->next) {
            t->link = link;
            link = &t->next;
        }
        while (due) {
            timer& t = *due;
            due = t.next;
            if (due) due->link = &due;
            t.link = nullptr;
            ++fired;
            t.expire();
        }
    }
    if (to > now_) now_ = to;
    return fired;
}

std::int64_t timer_wheel::next_deadline() const noexcept {
    if (!levels_in_use_) return never;
    int level = __builtin_ctz(levels_in_use_);
    int slot = __builtin_ctzll(in_use_[level]);
    int shift = level * bits;
    std::int64_t least = never;
    int seen = 0;
    for (const timer* t = heads_[level][slot]; t; t = t->next) {
        if (++seen > exact_up_to) {
            std::uint64_t above =
                shift + bits >= 64 ? 0 : static_cast<std::uint64_t>(now_) >> (shift + bits) << (shift + bits);
            return static_cast<std::int64_t>(above | static_cast<std::uint64_t>(slot) << shift);
        }
        if (t->deadline < least) least = t->deadline;
    }
    return least;
}

} // namespace weft
