// What runs next: anything with the ABI of a coroutine frame can be resumed, awaited from, and be a parent.
#pragma once

#include <coroutine>
#include <cstddef>
#include <source_location>

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

// The part that all of weft's promises share. Stands first in the promise. Set when the frame is first resumed, and not
// before: a frame that has not run is reached by nobody but its task.
struct promise_base {
    promise_base() noexcept {} // leaves the words alone: three stores less a frame

    continuation* parent; // who goes on when this frame is done; nullptr: the root of its branch
    const void* site;     // std::source_location::__impl of the await where it is suspended
    weft::branch* branch; // whose turn it runs in
};

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
