// A branch: one line of execution among concurrent ones, with its place in the ready queue, what it waits for,
// and the scope that it belongs to. Every spawned task and every operand of a combinator has one.
#pragma once

#include <cstdint>
#include <new>

#include <weft/core/error.hpp>
#include <weft/core/machine/executor.hpp>

namespace weft {

class scope_base;
struct leaf;

// Where a branch stands among the children of its scope, and what it waits for. A forked child that nobody has begun stands
// and waits nowhere: these words are its listener meanwhile, who hears of its end if another worker begins it.
struct branch_place {
    branch* previous;
    branch* following;
    atomic<leaf*> waiting; // published with release, for the one who delivers a stop on the home executor
};
static_assert(sizeof(branch_place) == sizeof(link) && alignof(branch_place) == alignof(link));

// One header of 64 bytes on hosts. All fields belong to the home executor but where noted.
class branch : public job, public branch_place {
  public:
    // How many frames may resume each other before the executor's loop gets its turn. Bounds the depth of the
    // machine stack where symmetric transfer is a nested call (below -O2, under sanitizers, on Cortex-M0), and
    // how long a branch that never has to wait keeps the others waiting.
    static constexpr std::uint8_t full_credit = 64;

    enum flag : std::uint16_t {
        stop = 1,          // every further leaf fails with errc::cancelled
        stop_unseen = 2,   // the home executor has not yet passed the stop on to the leaf
        detached = 4,      // nobody holds a join handle
        joined = 8,        // somebody waits for the end
        done = 16,         // ended; the result waits for its join handle
        failed = 32,       // ended with an error, which is all that is left of it: see keep_error()
        of_shared = 64,    // a child of a shared scope: its handle may be used on other workers
        remote = 128,      // known to other workers than the scope's home: see scope_base
        stolen = 256,      // runs what another worker has stolen: it ends at the scope's home
        in_transit = 1024, // another executor may be about to begin it, or to go on in it: see task_stop
        uncounted = 512,   // of its success the scope need not be told: it waits for the last one only
    };

    bool has(flag f) const noexcept { return flags_.load(order::relaxed) & f; }
    // Written under the guard of the scope, or before the branch is known to anyone.
    void set(flag f) noexcept {
        flags_.store(static_cast<std::uint16_t>(flags_.load(order::relaxed) | f), order::relaxed);
    }
    void clear(flag f) noexcept {
        flags_.store(static_cast<std::uint16_t>(flags_.load(order::relaxed) & ~f), order::relaxed);
    }
    bool stopping() const noexcept { return has(stop); }

    // While pinned, a ready branch is not moved to another worker. Nests.
    void pin() noexcept { ++pins_; }
    void unpin() noexcept { --pins_; }
    bool is_pinned() const noexcept { return pins_ != 0; }

    // For checks: also an executor that somebody turns by hand is at home in its turns.
    bool is_at_home() const noexcept {
        return one_hart || port::current() == home().owner ||
               (!home().owner->shared && home().owner->running());
    }
    bool runs_on(const executor& e) const noexcept { return home().owner == &e; }

    // What to resume now in place of `next`: `next` itself, or, when the credit is used up, nothing, and `next`
    // goes to the front of the ready queue. Without a call, so that a coroutine's body needs no room for one.
    std::coroutine_handle<> hop(continuation* next) noexcept {
        if (--credit_ != 0) [[likely]]
            return next->handle();
        target = next;
        return home().owner->branches.deferrer.handle();
    }

    // True once in `full_credit` calls: time to let the others run.
    bool spend() noexcept { return --credit_ == 0; }
    void refill(std::uint8_t credit = full_credit) noexcept { credit_ = credit; }
    // In one turn the line of execution goes over from one branch to another, with what is left of its credit.
    void take_credit_of(const branch& b) noexcept { credit_ = b.credit_; }

    // Ready again: to the back of its queue. Only in the home executor's context, and only by the one who took
    // the leaf out of whatever it waited in.
    void post() noexcept {
        WEFT_CHECK_INVARIANT(is_at_home(), "a branch was posted outside of its home's context");
        waiting.store(nullptr, order::relaxed);
        home().push(*this);
    }
    // The same from any thread or interrupt.
    void wake() noexcept;
    // The same, by what was stealable at the home: ahead of what stands in the deque there, so that a tree of forks is worked
    // through depth first. Elsewhere, and where nothing waits, as wake().
    void wake_ahead() noexcept;
    // The same with one hart, by someone who holds port::lock(), and gives it back hereby.
    WEFT_INLINE void wake_unlocking(std::uintptr_t saved) noexcept {
        waiting.store(nullptr, order::relaxed);
        next = nullptr;
        home().push_last_unlocking(*this, saved);
    }

    // A branch of `scope`, with `target` as its root and its home in `level`, from the executor's spare headers or from
    // the port; nullptr when there is none. The generation of the slot is kept. In the home context of `level`.
    static branch* make(continuation& target, run_queue& level, scope_base& scope,
                        std::uint16_t flags) noexcept {
        branch* b = make_of_spare(target, level, scope, flags);
        return b ? b : make_shared(target, level, scope, flags);
    }
    // The same from the spare headers alone.
    static branch* make_of_spare(continuation& target, run_queue& level, scope_base& scope,
                                 std::uint16_t flags) noexcept {
        branch* b = level.owner->branches.spare;
        if (!b) [[unlikely]]
            return nullptr;
        level.owner->branches.spare = static_cast<branch*>(b->next);
        b->init(target, level, scope, flags);
        return b;
    }
    // Back to the spare headers of its home.
    void recycle(executor& here) noexcept {
        WEFT_CHECK_INVARIANT(!waiting.get_alone() && !is_pinned(), "a branch ended that waits or is pinned");
        ++generation;
        next = here.branches.spare;
        here.branches.spare = this;
    }
    // The same from and to the port, for branches that are made and ended in different contexts.
    static branch* make_shared(continuation& target, run_queue& level, scope_base& scope,
                               std::uint16_t flags) noexcept;
    void release() noexcept;

    // Nobody waits for it, nothing stops it: its end concerns its scope's count only.
    bool ends_unseen() const noexcept { return flags_.load(order::relaxed) == detached; }
    // Likewise for an operand's success, where the home alone knows of it.
    bool succeeds_uncounted() const noexcept {
        return (flags_.load(order::relaxed) & (uncounted | remote)) == uncounted;
    }
    // As it was spawned by a scope, a shared one or not, and not ended: it is local.
    bool is_as_spawned() const noexcept { return flags_.load(order::relaxed) == 0; }
    bool is_as_spawned_shared() const noexcept { return flags_.load(order::relaxed) == of_shared; }
    // Gives up the right to the outcome, where nobody else changes the flags. A thief may look whether it is remote.
    void detach_unseen() noexcept { flags_.store(detached, order::relaxed); }

    // Of a child that has ended with an error only the error is kept, in the header: its frame may still hold what it
    // held where ok() ended it, and goes at once.
    void keep_error(error e) noexcept {
        set(failed);
        target = nullptr;
        credit_ = static_cast<std::uint8_t>(e.code());
        next = reinterpret_cast<job*>(static_cast<std::uintptr_t>(static_cast<std::uint32_t>(e.native())));
    }
    error kept_error() const noexcept {
        return error(static_cast<errc>(credit_),
                     static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(next)));
    }

    // See branch_place.
    link& put_listener(void (*on_end)(continuation*)) noexcept {
        return *new (static_cast<branch_place*>(this)) link(on_end, nullptr);
    }
    link& listener() noexcept {
        return *std::launder(reinterpret_cast<link*>(static_cast<branch_place*>(this)));
    }
    static branch& of_listener(continuation& l) noexcept {
        return static_cast<branch&>(reinterpret_cast<branch_place&>(l));
    }

    scope_base* scope;

  private:
    friend struct branch_home;

    // What a new slot has from its memory's zeroes, a used one has from the end of its last use: no leaf, no pins.
    void init(continuation& root, run_queue& queue, scope_base& in, std::uint16_t flags) noexcept {
        target = &root;
        level.store(&queue, order::relaxed);
        scope = &in;
        flags_.set_alone(flags);
    }

    // Two bytes, two, four: the header has 64 on hosts.
    std::uint8_t credit_;
    std::uint8_t pins_;
    atomic<std::uint16_t> flags_; // written under the guard of the scope

  public:
    std::uint32_t generation; // counts the uses of this slot, so that a stale handle is found out
};

} // namespace weft
