// The executor: ready jobs in intrusive queues, one a priority, under one bitmap; and a lock-free stack through
// which other threads and interrupts hand jobs in.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/machine/branch.hpp>
#include <weft/core/port.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft {

class steal_deque;
class scope_base;

// The queue of one priority. First in, first out.
struct ready_level {
    job* head = nullptr;
    job** tail = &head;
    executor* owner = nullptr;
    // Its bit in the bitmap; 0 where the executor has this one level only. With one hart there is no bitmap, and this is what
    // a push hands to port::raise(): of an executor in an interrupt, while it does not run; else 0.
    std::uint32_t bit = 0;

    WEFT_INLINE inline void push(job& j) noexcept;
    // With one hart, the same by someone who holds port::lock(), and gives it back hereby.
    WEFT_INLINE inline void push_unlocking(job& j, std::uintptr_t saved) noexcept;
    // The same for one whose `next` is nullptr.
    WEFT_INLINE inline void push_last_unlocking(job& j, std::uintptr_t saved) noexcept;
    // The first, nullptr if there is none. Not guarded. `mapped`: the level is one of several.
    template <bool mapped> WEFT_INLINE inline job* pop() noexcept;

    // Its place among the executor's.
    inline std::size_t priority() const noexcept;
};

// Runs jobs on one thread of execution. The port owns it and turns it: see core/port.hpp.
// All members are for the home context but where noted.
class executor {
    ready_level single_; // first: what its end points to when it is empty is where the executor stands

  public:
    static constexpr std::size_t max_levels = 32;

    // One level.
    executor() noexcept : executor(&single_, 1) {}
    // `count` levels (1 to max_levels) in memory of the caller's that outlives the executor; level 0 goes first.
    executor(ready_level* levels, std::size_t count) noexcept;
    ~executor() { give_back_spare(); }
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;

    // Several workers share its scopes: guards are taken, and stops travel as messages. Set before first use.
    bool shared = false;
    // Where operands of combinators and forked children wait to be begun, newest first, ahead of the queue though not at its
    // cost; nullptr: they are begun by way of the queue. For executors with one level. Set before first use.
    steal_deque* stealable = nullptr;
    // Whether there may be something in it. Not for users.
    bool has_stealable = false;

    // The queue for a priority, 0 the highest; the lowest level for anything beyond.
    ready_level& level() noexcept { return *levels_; }
    // The same where it is known that there is no other.
    ready_level& only_level() noexcept { return single_; }
    ready_level& level(std::size_t priority) noexcept {
        return levels_[priority < count_ ? priority : count_ - 1];
    }

    // Hands in a job from any thread or interrupt. One read-modify-write; rings the port only if the loop sleeps.
    void post_remote(job& j) noexcept { post_remote(j, j); }
    // The same for a chain linked by `next`, in which `last` comes first to its turn.
    void post_remote(job& first, job& last) noexcept;

    // Runs at most `budget` jobs; those handed in from elsewhere first join their queues. True: more are ready.
    bool run(std::size_t budget);
    // One turn, for loops of one level that mask interrupts only while they take a job from its queue.
    WEFT_INLINE void give_turn(job& j) {
        running_ = &j;
        j.target->resume(j.target); // a coroutine's handle resumes itself by this very word
    }
    WEFT_INLINE bool has_ready() const noexcept {
        if (count_ == 1) return levels_->head != nullptr || has_stealable;
        return first_ready() != nullptr;
    }

    // Two steps to sleep. prepare_idle() is false if work has come in; after true, the first post_remote() rings.
    // finish_idle() is true if there was one: its ring has come, or is about to, and the executor must live till then.
    bool prepare_idle() noexcept;
    bool finish_idle() noexcept;

    // To the front of its queue, but now and then to the back. For a branch that has used up its credit.
    void push_next(job& j) noexcept;
    // To the front of its queue, for a turn before the next of the stealable is begun; where none waits, to the back.
    void push_ahead(job& j) noexcept;

    // Takes up to half of the ready, unpinned branches of the lowest-numbered ready level out of the queue, at most
    // `most`, for another executor's adopt(): the oldest, linked by `next`; nullptr if there is none to spare.
    job* take_surplus(std::size_t most) noexcept;
    // Makes this executor the home of ready branches that nobody else has any more, and gives them their turns.
    void adopt(job* oldest) noexcept;

    // The job whose turn it is; nullptr between turns.
    job* running() const noexcept { return running_; }

    // For the branch whose turn it is, in place of a frame. After the root's end: tells the branch's scope, outside of the
    // finished frame. With the credit used up: puts the branch to the front of its queue. Not for users.
    continuation& finisher() noexcept { return finisher_; }
    continuation& deferrer() noexcept { return deferrer_; }

    // The branch whose turn it becomes, within a turn. Not for users.
    void now_runs(job& j) noexcept { running_ = &j; }

    // Begins what another executor's deque has kept, and runs it as far as it goes.
    void run_stolen(continuation& f);
    // Provides a spare branch header. False without memory.
    bool reserve_branch() noexcept;

    // Gives the spare branch headers back to the port. Bounded by the most branches that were alive at once.
    void give_back_spare() noexcept;

    // Keeps the bitmap in a word elsewhere (a page shared with a kernel). Before first use; not with one hart.
    void place_bitmap(std::uint32_t& word) noexcept { map_ = &word; }

    // Scopes whose stop is being delivered: a list instead of recursion. Not for users.
    scope_base* stopping = nullptr;
    bool delivering = false;

  private:
    friend struct ready_level;
    friend class branch;

    struct own_continuation : continuation {
        executor* here;
    };
    static void finish(continuation* self);
    static void defer(continuation* self);
    static job* asleep() noexcept { return reinterpret_cast<job*>(std::uintptr_t{1}); }
    void take_remote() noexcept;
    template <bool several_levels> void run_ready(std::size_t budget);
    ready_level* first_ready() const noexcept;
    bool run_stealable();

    ready_level* levels_;
    std::uint32_t count_;
    std::uint32_t stealable_turns_ = 0;
    std::uint32_t queue_turns_ = 0; // that are to come before one of the stealable is begun
    std::uint32_t ahead_ = 0;       // how often a job went ahead of its queue
    std::uint32_t* map_;
    job* running_ = nullptr;
    branch* spare_ = nullptr; // linked by job::next
    own_continuation finisher_;
    own_continuation deferrer_;
    std::uint32_t own_map_ = 0;
    // Jobs handed in from elsewhere, last in first; `asleep()` while the loop sleeps.
    alignas(sizeof(void*) == 8 ? 64 : sizeof(void*)) atomic<job*> remote_{nullptr};
};

inline void ready_level::push(job& j) noexcept {
    if constexpr (one_hart) return push_unlocking(j, port::lock());
    j.next = nullptr;
    *tail = &j;
    tail = &j.next;
    if (bit) *owner->map_ |= bit;
}

inline void ready_level::push_unlocking(job& j, std::uintptr_t saved) noexcept {
    j.next = nullptr;
    push_last_unlocking(j, saved);
}

inline void ready_level::push_last_unlocking(job& j, std::uintptr_t saved) noexcept {
    *tail = &j;
    tail = &j.next;
    if (bit) [[unlikely]]
        port::raise(bit);
    port::unlock(saved);
}

template <bool mapped> inline job* ready_level::pop() noexcept {
    job* j = head;
    if (!j) return nullptr;
    head = j->next;
    if (!head) {
        tail = &head;
        if constexpr (mapped && !one_hart) *owner->map_ &= ~bit;
    }
    return j;
}

inline std::size_t ready_level::priority() const noexcept {
    return static_cast<std::size_t>(this - owner->levels_);
}

inline void branch::post() noexcept {
    waiting.store(nullptr, order::relaxed);
    home().push(*this);
}

inline void branch::wake_unlocking(std::uintptr_t saved) noexcept {
    waiting.store(nullptr, order::relaxed);
    next = nullptr;
    home().push_last_unlocking(*this, saved);
}

inline bool branch::runs_on(const executor& e) const noexcept { return home().owner == &e; }

// Without a call, so that a coroutine's body needs no room for one.
inline std::coroutine_handle<> branch::hop(continuation* next) noexcept {
    if (--credit_ != 0) [[likely]]
        return next->handle();
    target = next;
    return home().owner->deferrer().handle();
}

// What a new slot has from its memory's zeroes, a used one has from the end of its last use: no leaf, no pins.
inline void branch::init(continuation& root, ready_level& queue, scope_base& in,
                         std::uint16_t flags) noexcept {
    target = &root;
    level.store(&queue, order::relaxed);
    scope = &in;
    flags_.set_alone(flags);
}

inline branch* branch::make(continuation& root, ready_level& queue, scope_base& in,
                            std::uint16_t flags) noexcept {
    branch* b = make_of_spare(root, queue, in, flags);
    return b ? b : make_shared(root, queue, in, flags);
}

inline branch* branch::make_of_spare(continuation& root, ready_level& queue, scope_base& in,
                                     std::uint16_t flags) noexcept {
    branch* b = queue.owner->spare_;
    if (!b) [[unlikely]]
        return nullptr;
    queue.owner->spare_ = static_cast<branch*>(b->next);
    b->init(root, queue, in, flags);
    return b;
}

inline void branch::recycle(executor& here) noexcept {
    ++generation;
    next = here.spare_;
    here.spare_ = this;
}

} // namespace weft
