// task<T>: a lazy coroutine that owns its frame. Awaiting it makes it a child of the awaiting task.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <weft/core/machine/branch.hpp>
#include <weft/core/machine/continuation.hpp>
#include <weft/core/machine/executor.hpp>
#include <weft/core/machine/scope_base.hpp>
#include <weft/core/machine/thrown.hpp>
#include <weft/core/result.hpp>

namespace weft {

template <class T> class task;
struct task_access;

namespace detail {

// Where a coroutine's value is kept until the one who awaits takes it. An exception, or that there is a value which has to
// be destroyed, is noted in the word that said where the coroutine waits.
template <class T> class promise_outcome : public promise_base {
  public:
    promise_outcome() noexcept {}
    ~promise_outcome()
        requires std::is_trivially_destructible_v<T>
    = default;
    ~promise_outcome() {
        if (has_value()) std::destroy_at(&value_);
    }
    template <class... A> void set(A&&... a) {
        std::construct_at(&value_, std::forward<A>(a)...);
        if constexpr (!std::is_trivially_destructible_v<T>) note_value();
    }
    T take() {
        if (has_exception()) [[unlikely]]
            rethrow_exception();
        return std::move(value_);
    }
    T take_value() { return std::move(value_); } // if there is one
    const T& value() const noexcept { return value_; }

  private:
    union {
        T value_;
    };
};

template <> class promise_outcome<void> : public promise_base {
  public:
    void take() {
        if (has_exception()) [[unlikely]]
            rethrow_exception();
    }
};

struct final_awaiter {
    final_awaiter() noexcept {}
    constexpr bool await_ready() const noexcept { return false; }
    template <class P> std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) const noexcept {
        return h.promise().leave(frame_of(h));
    }
    void await_resume() const noexcept {}
};

constexpr std::size_t whole_blocks(std::size_t bytes) noexcept {
    return (bytes + port::frame_block - 1) / port::frame_block * port::frame_block;
}

[[gnu::always_inline]] inline void* allocate_frame(std::size_t bytes) noexcept {
    return __builtin_assume_aligned(bytes <= port::small_frame ? port::allocate_frame(whole_blocks(bytes))
                                                               : port::allocate_large_frame(bytes),
                                    port::frame_block);
}

template <class T> class promise_common : public promise_outcome<T> {
  public:
    // Clang asks for the second form, GCC for the first. Inlined, so that the size is a constant there.
    [[gnu::always_inline]] static void* operator new(std::size_t bytes) noexcept {
        return allocate_frame(bytes);
    }
    [[gnu::always_inline]] static void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
        return allocate_frame(bytes);
    }
    [[gnu::always_inline]] static void operator delete(void* frame, std::size_t bytes) noexcept {
        if (bytes <= port::small_frame)
            port::free_frame(frame, whole_blocks(bytes));
        else
            port::free_large_frame(frame, bytes);
    }

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return final_awaiter(); }
    void unhandled_exception() noexcept { this->note_exception(); }

    // The coroutine has its outcome: what to resume in its place. At its end, and where ok() returns early.
    [[gnu::always_inline]] std::coroutine_handle<> leave(continuation& self) noexcept {
        if (this->parent) [[likely]]
            return this->branch->hop(this->parent);
        return leave_branch(self);
    }

    // Of a coroutine that has its outcome.
    bool succeeded() const noexcept {
        if (this->has_exception()) return false;
        if constexpr (is_result<T>)
            return this->value().has_value();
        else
            return true;
    }
    // Likewise: an empty cause for a value.
    failure_cause why_failed() const noexcept {
        if (this->has_exception()) return this->share_exception();
        if constexpr (is_result<T>) {
            if (!this->value().has_value()) return this->value().error();
        }
        return {};
    }

  private:
    std::coroutine_handle<> leave_branch(continuation& self) noexcept {
        this->branch->target = &self;
        return (succeeded() ? this->branch->home().owner->branches.finisher : failed_end).handle();
    }

    // The finisher's counterpart for a root that has failed.
    [[gnu::cold]] static void end_failed(continuation*) noexcept {
        branch& b = *static_cast<branch*>(port::current()->running());
        failure_cause why = static_cast<promise_common&>(promise_of(*b.target)).why_failed();
        b.scope->child_ended(b, &why);
    }
    static inline constinit continuation failed_end{&end_failed, &link_marker};

    friend task_access;
    // The listener of a forked child that another worker has begun.
    [[gnu::cold]] static void end_away(continuation* listener) {
        branch& b = branch::of_listener(*listener);
        continuation& frame = *b.target;
        if (!b.scope->comes_home(b)) return;
        static_cast<promise_common&>(promise_of(frame)).leave_branch(frame).resume();
    }
};

template <class T> class promise : public promise_common<T> {
  public:
    task<T> get_return_object() noexcept;
    static task<T> get_return_object_on_allocation_failure() noexcept;

    template <class U = T> void return_value(U&& value) {
        static_assert(std::is_constructible_v<T, U>,
                      "co_return's value does not convert to the task's result");
        this->set(std::forward<U>(value));
    }

    // Ends the task with an error in place of co_return; for ok().
    void fail(error e) noexcept
        requires is_result<T>
    {
        this->set(std::unexpect, e);
    }
};

template <> class promise<void> : public promise_common<void> {
  public:
    task<void> get_return_object() noexcept;
    static task<void> get_return_object_on_allocation_failure() noexcept;
    void return_void() const noexcept {}
};

} // namespace detail

// A lazy coroutine: nothing runs before it is awaited (then it is a child, on the same branch), given to a scope or a
// combinator (then it is a branch of its own), or dropped (then its arguments are destroyed). Move-only. Awaited once:
// an awaited task is empty.
//
// A task without a frame yields an error when it is awaited, if its T is a result: errc::out_of_memory where memory for the
// frame could not be had, errc::invalid_argument where it is empty, that is, awaited before or moved from. A task of any
// other type panics then, having no way to say it. Scopes and combinators fail with the same errors for every type.
//
// Resumes its parent on the parent's branch; exceptions travel to the parent. A stop reaches the leaf that it waits in.
template <class T = void> class [[nodiscard("a task does nothing until it is awaited or spawned")]] task {
  public:
    using promise_type = detail::promise<T>;
    using value_type = T;

    constexpr task() noexcept = default;
    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        task old(std::move(*this));
        frame_ = std::exchange(other.frame_, nullptr);
        return *this;
    }
    ~task() {
        if (!*this) return;
        if (frame_.promise().has_exception()) [[unlikely]]
            frame_.promise().drop_exception();
        frame_.destroy();
    }

    // False for a task without a frame: empty, or without memory.
    explicit operator bool() const noexcept {
        return reinterpret_cast<std::uintptr_t>(frame_.address()) > no_memory;
    }

    constexpr bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h,
                                          const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "a weft::task can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        if (!*this) [[unlikely]]
            return missing(h);
        frame_.promise().parent = &frame_of(h);
        frame_.promise().branch = p.branch;
        return p.branch->hop(&frame_of(frame_));
    }
    T await_resume() {
        if constexpr (is_result<T>) {
            if (!*this) [[unlikely]]
                return no_frame();
            // ok() may have ended the child in its middle: its locals go before the parent's code goes on.
            task done(std::move(*this));
            return done.promise().take();
        } else {
            return promise().take();
        }
    }

  private:
    friend promise_type;
    friend task_access;

    // Of a task that was not begun: without a frame, or without a branch for it.
    errc why_not_begun() const noexcept { return frame_ ? errc::out_of_memory : errc::invalid_argument; }
    // What it yields then.
    [[gnu::cold]] T no_frame() const {
        if constexpr (is_result<T>)
            return T(std::unexpect, why_not_begun());
        else
            port::panic(frame_ ? "no memory for a task's frame"
                               : "a task that was awaited before, or moved from");
    }
    // Only a result can say that there is no frame.
    [[gnu::cold]] std::coroutine_handle<> missing(std::coroutine_handle<> awaiting) const noexcept {
        if constexpr (!is_result<T>) no_frame();
        return awaiting;
    }
    explicit task(std::coroutine_handle<promise_type> h) noexcept : frame_(h) {
        if (!*this) __builtin_unreachable(); // so that a test behind it costs nothing
    }
    // Of a task that has a frame, which is known behind it as well.
    promise_type& promise() const noexcept {
        if (!*this) __builtin_unreachable();
        return frame_.promise();
    }
    // Stands for the frame that could not be had.
    static constexpr std::uintptr_t no_memory = 1;
    static task without_memory() noexcept {
        task t;
        t.frame_ = std::coroutine_handle<promise_type>::from_address(reinterpret_cast<void*>(no_memory));
        return t;
    }

    std::coroutine_handle<promise_type> frame_; // nullptr: the task is empty
};

template <class X> inline constexpr bool is_task = false;
template <class T> inline constexpr bool is_task<task<T>> = true;

// A named task is empty from its await on; a temporary is awaited where it stands.
template <class X>
    requires(std::is_lvalue_reference_v<X> && is_task<std::remove_reference_t<X>>)
std::remove_reference_t<X> operator co_await(X&& named) noexcept {
    return std::move(named);
}

namespace detail {

// GCC 12 puts the condition of an `if (co_await …)` before the words that make a frame a frame, if the coroutine has no
// named local outside of it: then resuming would run wild. Memory for frames is aligned, so that it shows; the test costs
// nothing where the compiler knows the alignment.
//
// Clang has no such bug, and a frame that it has put into its caller's is aligned to what its members want.
inline void check_layout([[maybe_unused]] void* frame) noexcept {
#if !defined(__clang__)
    if (reinterpret_cast<std::uintptr_t>(frame) % port::frame_block != 0) [[unlikely]]
        port::panic(
            "the compiler has laid out a coroutine's frame wrongly: give the result of the co_await that "
            "stands in a condition a name");
#endif
}

template <class T> task<T> promise<T>::get_return_object() noexcept {
    check_layout(std::coroutine_handle<promise>::from_promise(*this).address());
    return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
template <class T> task<T> promise<T>::get_return_object_on_allocation_failure() noexcept {
    return task<T>::without_memory();
}
inline task<void> promise<void>::get_return_object() noexcept {
    check_layout(std::coroutine_handle<promise>::from_promise(*this).address());
    return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object_on_allocation_failure() noexcept {
    return task<void>::without_memory();
}

} // namespace detail
} // namespace weft
