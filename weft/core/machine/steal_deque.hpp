// steal_deque: what was forked and nobody has begun; its executor takes the newest, other workers the oldest.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>
#include <weft/core/machine/check.hpp>

namespace weft {

struct continuation;

// It keeps operands of combinators, each as its link, and children that scopes have forked, each as its frame.
//
// The deque of Chase and Lev with a fixed room, and without a fence for its home. `bottom_` is where the home pushes,
// `top_` is the oldest; what lies between waits to be begun.
//
// Why nobody takes what another has taken: the home takes the newest without a contest only if it finds `top_` below it
// after having lowered `bottom_`; a thief takes the oldest only if it finds `bottom_` above it after having read `top_`,
// and then moves `top_` from there. Both could have the same one only if the home read a `top_` from before, and the thief
// a `bottom_` from before. Between its two reads the thief makes every thread of the process pass a fence. If the home has
// lowered `bottom_` before it passed that fence, the thief sees it, and goes without. If it lowers `bottom_` after it, it
// reads `top_` after it, too, and sees what the thief saw at the least: then the two contest for the last one by an
// exchange of `top_`, as thieves do among themselves.
//
// `Atomic` and `Room` are what they are for all but the model that tries every order of events.
template <template <class> class Atomic, std::size_t Room> class basic_steal_deque {
  public:
    static constexpr std::size_t room = Room;
    static constexpr std::size_t nothing = SIZE_MAX;

    // For the home. False: full.
    bool push(continuation& f) noexcept {
        if (!has_room(1)) [[unlikely]]
            return false;
        put(0, f);
        publish(1);
        return true;
    }
    // For the home, the same for several: if there is room for them, each is put in its place, counted from 0 for the oldest,
    // and then all become known at once.
    std::size_t free_room() const noexcept {
        return room - (bottom_.load(order::relaxed) - top_.load(order::relaxed));
    }
    bool has_room(std::size_t n) const noexcept { return free_room() >= n; }
    void put(std::size_t i, continuation& f) noexcept {
        WEFT_CHECK_INVARIANT(has_room(i + 1), "a steal deque was filled beyond its room");
        items_[(bottom_.load(order::relaxed) + i) % room].store(&f, order::relaxed);
    }
    void publish(std::size_t n) noexcept { bottom_.store(bottom_.load(order::relaxed) + n, order::release); }
    // For the home: the newest; nullptr if there is none.
    continuation* pop() noexcept {
        std::size_t b = bottom_.load(order::relaxed) - 1;
        bottom_.store(b, order::relaxed);
        compiler_fence();
        std::size_t t = top_.load(order::relaxed);
        auto left = static_cast<std::ptrdiff_t>(b - t);
        if (left > 0) [[likely]]
            return items_[b % room].load(order::relaxed);
        continuation* last = nullptr;
        if (left == 0 && top_.compare_exchange(t, t + 1, order::seq_cst))
            last = items_[b % room].load(order::relaxed);
        bottom_.store(b + 1, order::relaxed);
        return last;
    }

    // For others, in three steps: look(), and if it found something, a fence that all threads of the process pass, and
    // take() with what look() has yielded. The oldest; nullptr if somebody else was faster.
    std::size_t look() const noexcept {
        std::size_t t = top_.load(order::acquire);
        return static_cast<std::ptrdiff_t>(bottom_.load(order::relaxed) - t) > 0 ? t : nothing;
    }
    continuation* take(std::size_t t) noexcept {
        if (static_cast<std::ptrdiff_t>(bottom_.load(order::acquire) - t) <= 0) return nullptr;
        continuation* oldest = items_[t % room].load(order::relaxed);
        return top_.compare_exchange(t, t + 1, order::seq_cst) ? oldest : nullptr;
    }
    bool empty() const noexcept { return look() == nothing; }

  private:
    Atomic<std::size_t> bottom_{0};
    Atomic<continuation*> items_[room];
    Atomic<std::size_t> top_{0}; // apart from what the home writes all the time
};

class steal_deque : public basic_steal_deque<atomic, 256> {};

} // namespace weft
