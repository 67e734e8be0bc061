// What runs next: anything with the ABI of a coroutine frame can be resumed, awaited from, and be a parent.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include <weft/core/machine/thrown.hpp>

namespace weft {

class branch;

// The first two words of every coroutine frame on GCC and Clang. Objects that are no coroutines (combinators,
// fibers, blocked threads) put the same two words first, and are resumed by the same indirect call.
struct continuation {
    void (*resume)(continuation*);
    void (*destroy)(continuation*);

    std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }
    void operator()() { resume(this); }
};

// Stands in the destroy word of a link, so that a walker of call chains can tell it from a coroutine's frame.
void link_marker(continuation*) noexcept;
// Likewise for the continuation of a job that is a message to an executor and no branch.
void message_marker(continuation*) noexcept;

// A continuation that is no coroutine; `owner` is the frame on whose behalf it waits, or nullptr.
struct link : continuation {
    link(void (*on_resume)(continuation*), continuation* frame) noexcept
        : continuation{on_resume, &link_marker}, owner(frame) {}
    continuation* owner;
};

// The part that all of weft's promises share. Stands first in the promise. The parent and the branch are set when the frame
// is first resumed: before that it is reached by nobody but its task.
struct promise_base {
    promise_base() noexcept {} // leaves two words alone

    continuation* parent; // who goes on when this frame is done; nullptr: the root of its branch
    // std::source_location::__impl of the await where it is suspended; nullptr before the first. After the end, since it
    // waits nowhere then: one of the marks below, with the exception's address.
    const void* site = nullptr;
    weft::branch* branch; // whose turn it runs in

    void begin_branch(weft::branch& b, continuation* listener = nullptr) noexcept {
        parent = listener;
        branch = &b;
    }

    // The marks stand where a pointer has zeroes. An exception that nobody has taken is dropped by the one who destroys the
    // frame, so that no coroutine's body has to look for one: a child's is always taken.
    bool has_value() const noexcept { return bits() & value_mark; }
    bool has_exception() const noexcept { return bits() & exception_mark; }
    void note_value() noexcept { site = reinterpret_cast<const void*>(value_mark); }
    // Out of line, so that no coroutine's body makes room for them.
    void note_exception() noexcept; // the one that is being handled
    void drop_exception() noexcept;
    [[noreturn]] void rethrow_exception();
    thrown share_exception() const noexcept;

  private:
    static constexpr std::uintptr_t value_mark = 1;
    static constexpr std::uintptr_t exception_mark = 2;
    std::uintptr_t bits() const noexcept { return reinterpret_cast<std::uintptr_t>(site); }
    void* exception() const noexcept { return reinterpret_cast<void*>(bits() & ~exception_mark); }
};

// The promise of a frame, from outside of its coroutine: behind the two words, whatever the result's type.
inline promise_base& promise_of(continuation& frame) noexcept {
    return *reinterpret_cast<promise_base*>(&frame + 1);
}

// Destroys a task's frame, and with it an outcome that nobody has taken.
inline void destroy_task(continuation& frame) noexcept {
    promise_base& p = promise_of(frame);
    if (p.has_exception()) p.drop_exception();
    frame.destroy(&frame);
}

template <class P>
concept weft_promise = requires(P& p) { static_cast<promise_base&>(p); };

template <class P> inline continuation& frame_of(std::coroutine_handle<P> h) noexcept {
    static_assert(alignof(P) <= 2 * sizeof(void*),
                  "a coroutine's result and promise may be aligned to two words at most");
    return *static_cast<continuation*>(h.address());
}

} // namespace weft

// The site of a co_await, as a default argument: right to the line, and free in the frame.
#define WEFT_AWAIT_SITE __builtin_source_location()
