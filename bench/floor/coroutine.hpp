// What the floors are made of: the compiler's bare coroutines on a bare intrusive queue, with pooled frames, one thread, no
// errors, no cancellation, no sites. weft's figures are ratios to these, made in the same run by the same compiler.
#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace floors {

using handle = std::coroutine_handle<>;

inline std::uint64_t sink = 0;

struct free_frame {
    free_frame* next;
};
inline free_frame* pool[64];

inline void* take(std::size_t bytes) {
    free_frame*& head = pool[(bytes + 15) / 16];
    if (free_frame* f = head) {
        head = f->next;
        return f;
    }
    return std::malloc((bytes + 15) / 16 * 16);
}
inline void give(void* frame, std::size_t bytes) {
    free_frame*& head = pool[(bytes + 15) / 16];
    auto* f = static_cast<free_frame*>(frame);
    f->next = head;
    head = f;
}

struct pooled {
    static void* operator new(std::size_t n) { return take(n); }
    static void operator delete(void* p, std::size_t n) { give(p, n); }
};

// Frames that end in the reverse order of their beginning: a pointer goes up and down.
inline char* top;
struct stacked {
    static void* operator new(std::size_t n) { return std::exchange(top, top + (n + 15) / 16 * 16); }
    static void operator delete(void* p, std::size_t) { top = static_cast<char*>(p); }
};

// A ring of ready handles.
struct ready_ring {
    handle* slots;
    std::size_t mask;
    std::size_t head = 0;
    std::size_t tail = 0;
    explicit ready_ring(std::size_t least) {
        std::size_t n = 1;
        while (n < least) n *= 2;
        slots = new handle[n];
        mask = n - 1;
    }
    void push(handle h) { slots[tail++ & mask] = h; }
    void run() {
        while (head != tail) slots[head++ & mask].resume();
    }
};
inline ready_ring* ready;

// A coroutine that is started by the queue and frees itself.
struct job {
    struct promise_type : pooled {
        job get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    handle h;
};

// A child: created, awaited, destroyed.
template <class Frames> struct basic_child {
    struct promise_type : Frames {
        handle parent;
        std::uint64_t value;
        basic_child get_return_object() {
            return basic_child(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct to_parent {
            bool await_ready() noexcept { return false; }
            handle await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                return h.promise().parent;
            }
            void await_resume() noexcept {}
        };
        to_parent final_suspend() noexcept { return {}; }
        void return_value(std::uint64_t v) { value = v; }
        void unhandled_exception() { std::abort(); }
    };
    explicit basic_child(std::coroutine_handle<promise_type> f) : frame(f) {}
    ~basic_child() { frame.destroy(); }
    bool await_ready() { return false; }
    handle await_suspend(handle h) {
        frame.promise().parent = h;
        return frame;
    }
    std::uint64_t await_resume() { return frame.promise().value; }
    std::coroutine_handle<promise_type> frame;
};
using child = basic_child<pooled>;

} // namespace floors
