// Leaf futures: awaitables that suspend on the outside world, and the base that they are written on.
// Tests: core/sweep_test.cpp.
#pragma once

#include <concepts>

#include <weft/core/machine/branch.hpp>
#include <weft/core/machine/continuation.hpp>
#include <weft/core/machine/executor.hpp>
#include <weft/core/result.hpp>

namespace weft {

struct leaf;

// What a leaf is, for dumps and for the one who stops it.
struct leaf_kind {
    const char* what; // "sleep", "mutex", "read": what its branch waits for
    // Asks a suspended leaf to end. Called at most once a wait, in the home context of its branch, never while the
    // branch runs. Does not resume: the leaf posts its branch when its last word has come, at once or later. May
    // come after the leaf was completed from another thread; then it does nothing.
    void (*cancel)(leaf&) noexcept;
    // Of operations that ok() hands its errors to, beside the two above: makes the branch, which is about to be posted
    // after a failure, end its frame with `why` instead of going on in it. `room` has four words, and outlives the frame.
    void (*end_frame)(branch& b, error why, void* room) noexcept = nullptr;
};

// One wait of one branch. Lives in the awaiting frame; never moves.
struct leaf {
    explicit leaf(const leaf_kind& k) noexcept : kind(&k) {}
    // Leaves the words alone: for leaves that fill them in when they begin to wait.
    leaf() noexcept {}
    leaf(const leaf&) = delete;
    leaf& operator=(const leaf&) = delete;

    const leaf_kind* kind;
    branch* owner; // set while it waits, but for leaves that need it not
};

// An operation can be awaited by a coroutine, and started by a combinator on a branch of its own.
//
//     bool start(branch&, continuation& then);   // false: done at once; true: `then` is resumed later
//     R await_resume();                          // the outcome
template <class X>
concept operation_like = requires(X& x, branch& b, continuation& then) {
    { x.start(b, then) } -> std::same_as<bool>;
    x.await_resume();
};

// Base of all leaves (CRTP): turns start() into await_suspend(), and holds the three ways a start can end.
template <class Self, class Base = leaf> struct operation : Base {
    using Base::Base;

    constexpr bool await_ready() const noexcept { return false; }

    template <class P>
    bool await_suspend(std::coroutine_handle<P> h, const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        return static_cast<Self*>(this)->start(*p.branch, frame_of(h));
    }

  protected:
    // The wait begins: from now on a stop reaches kind->cancel, and owner->post() or wake() ends it.
    void suspend(branch& b, continuation& then) noexcept {
        this->owner = &b;
        suspend_unowned(b, then);
    }
    // The same for a leaf that knows its branch by other means.
    void suspend_unowned(branch& b, continuation& then) noexcept {
        b.target = &then;
        b.waiting.store(this, order::release);
    }

    // Done without a wait; the outcome is stored. Every so often the branch goes to the back of its queue all the
    // same, so that one who never has to wait starves nobody.
    bool finish_now(branch& b, continuation& then) noexcept {
        if (!b.spend()) [[likely]]
            return false;
        b.refill();
        return yield(b, then);
    }

    // The outcome is stored, and the branch goes to the back of its queue: how a leaf of a stopped branch fails.
    bool yield(branch& b, continuation& then) noexcept {
        b.target = &then;
        b.post();
        return true;
    }
};

} // namespace weft
