// co_await ok(x): the value of a result, or an early return of its error from the awaiting task, as Rust's `?`.
// Tests: core/task_test.cpp.
#pragma once

#include <memory>
#include <optional>

#include <weft/core/leaf.hpp>
#include <weft/core/machine/task_access.hpp>

namespace weft {

namespace detail {

// The frame that awaits ok(): it must be able to end with an error.
template <class P> std::coroutine_handle<> end_with(continuation& frame, error e) noexcept {
    P& p = std::coroutine_handle<P>::from_address(&frame).promise();
    p.fail(e);
    return p.leave(frame);
}
template <class P>
concept can_fail = requires(P& p, error e) { p.fail(e); };

#define WEFT_OK_NEEDS_RESULT                                                                                 \
    "co_await ok(…) returns early with an error: the task around it must yield a weft::result<T>"

} // namespace detail

// The child's continuation stands between child and parent, so that an error ends the parent without resuming it: the
// child's frame goes first, then the parent's own awaiter destroys the parent's locals. One level at a time, no recursion.
template <class T> class [[nodiscard("co_await it")]] ok_task : link {
  public:
    explicit ok_task(task<result<T>>&& t) noexcept : link(nullptr, nullptr), task_(std::move(t)) {}

    constexpr bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h,
                                          const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's tasks can be awaited in a weft::task only");
        static_assert(detail::can_fail<P>, WEFT_OK_NEEDS_RESULT);
        promise_base& p = h.promise();
        p.site = site;
        if (!task_) [[unlikely]]
            return detail::end_with<P>(frame_of(h), task_access::why_not_begun(task_));
        owner = &frame_of(h);
        resume = &child_ended<P>;
        return task_access::run_on(task_, *p.branch, *this);
    }
    T await_resume() {
        if constexpr (std::is_void_v<T>)
            (void)task_.await_resume(); // for the exception
        else
            return *task_.await_resume();
    }

  private:
    template <class P> static void child_ended(continuation* self) {
        auto& ok = *static_cast<ok_task*>(self);
        continuation& parent = *ok.owner;
        error e = task_access::error_or_none(ok.task_);
        if (e == errc::none) [[likely]]
            return std::coroutine_handle<>::from_address(&parent).resume();
        ok.task_ = task<result<T>>(); // the child's frame goes before the parent is told
        detail::end_with<P>(parent, e).resume();
    }

    task<result<T>> task_;
};

namespace detail {

// What a failed wait leaves behind in its room: resumed in the frame's place.
template <class P> struct frame_end : link {
    frame_end(continuation& frame, error e) noexcept : link(&run, &frame), why(e) {}
    static void run(continuation* self) {
        auto& end = *static_cast<frame_end*>(self);
        end_with<P>(*end.owner, end.why).resume();
    }
    static void take_place(branch& b, error why, void* room) noexcept {
        static_assert(sizeof(frame_end) <= 4 * sizeof(void*) + (sizeof(void*) < 8 ? 8 : 0));
        b.target = std::construct_at(static_cast<frame_end*>(room), *b.target, why);
    }
    error why;
};

template <class X, class P>
inline constexpr leaf_kind ending_kind{X::kind_of.what, X::kind_of.cancel, &frame_end<P>::take_place};

} // namespace detail

// An operation whose waits go by the kind that start() is given, and which ends the frame by that kind's end_frame when it
// has failed: then ok() stands nowhere in between.
template <class X>
concept ends_frames = operation_like<X> && requires(X& x, branch& b, continuation& then) {
    { x.start(b, then, X::kind_of) } -> std::same_as<bool>;
    x.value();
};

template <ends_frames X> class [[nodiscard("co_await it")]] ok_in_place {
  public:
    explicit ok_in_place(X& x) noexcept : operation_(x) {}

    constexpr bool await_ready() const noexcept { return false; }
    template <class P>
    [[gnu::always_inline]] bool await_suspend(std::coroutine_handle<P> h,
                                              const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        static_assert(detail::can_fail<P>, WEFT_OK_NEEDS_RESULT);
        promise_base& p = h.promise();
        p.site = site;
        return operation_.start(*p.branch, frame_of(h), detail::ending_kind<X, P>);
    }
    [[gnu::always_inline]] auto await_resume() noexcept { return operation_.value(); }

  private:
    X& operation_;
};

template <operation_like X> class [[nodiscard("co_await it")]] ok_operation : link {
    using value = value_of<decltype(std::declval<X&>().await_resume())>;

  public:
    explicit ok_operation(X& x) noexcept : link(nullptr, nullptr), operation_(x) {}

    constexpr bool await_ready() const noexcept { return false; }
    template <class P> bool await_suspend(std::coroutine_handle<P> h, const void* site = WEFT_AWAIT_SITE) {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        static_assert(detail::can_fail<P>, WEFT_OK_NEEDS_RESULT);
        promise_base& p = h.promise();
        p.site = site;
        owner = &frame_of(h);
        resume = &ended<P>;
        branch& b = *p.branch;
        if (operation_.start(b, *this)) return true;
        outcome_.emplace(operation_.await_resume());
        if (outcome_->has_value()) [[likely]]
            return false;
        // The end of the frame is told from the executor's loop, as after a wait.
        resume = &failed<P>;
        b.target = this;
        b.home().owner->push_next(b);
        return true;
    }
    value await_resume() {
        if constexpr (!std::is_void_v<value>) return *std::move(*outcome_);
    }

  private:
    template <class P> static void ended(continuation* self) {
        auto& ok = *static_cast<ok_operation*>(self);
        ok.outcome_.emplace(ok.operation_.await_resume());
        if (ok.outcome_->has_value()) [[likely]]
            return std::coroutine_handle<>::from_address(ok.owner).resume();
        failed<P>(self);
    }
    template <class P> [[gnu::cold]] static void failed(continuation* self) {
        auto& ok = *static_cast<ok_operation*>(self);
        detail::end_with<P>(*ok.owner, ok.outcome_->error()).resume();
    }

    X& operation_;
    std::optional<result<value>> outcome_;
};

template <class T> class [[nodiscard("co_await it")]] ok_result {
  public:
    explicit ok_result(result<T>&& r) noexcept : result_(std::move(r)) {}
    bool await_ready() const noexcept { return result_.has_value(); }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h,
                                          const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(detail::can_fail<P>, WEFT_OK_NEEDS_RESULT);
        static_cast<promise_base&>(h.promise()).site = site;
        return detail::end_with<P>(frame_of(h), result_.error());
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) return std::move(*result_);
    }

  private:
    result<T> result_;
};

// Yields the value of a task's, an operation's or a result's success. An error ends the awaiting task at once, as
// `co_return failure(e)` would: its locals are destroyed before its parent goes on. Exceptions pass through.
// Everything else is as awaiting x itself. No allocation.
template <class T> ok_task<T> ok(task<result<T>>&& t) noexcept { return ok_task<T>(std::move(t)); }
template <class T> ok_task<T> ok(task<result<T>>& t) noexcept { return ok_task<T>(std::move(t)); }
template <class T> ok_result<T> ok(result<T> r) noexcept { return ok_result<T>(std::move(r)); }
template <operation_like X> ok_operation<X> ok(X&& x) noexcept {
    static_assert(is_result<decltype(x.await_resume())>, "ok(x): x must yield a weft::result");
    return ok_operation<X>(x);
}
template <operation_like X> ok_operation<X> ok(X& x) noexcept { return ok_operation<X>(x); }
template <ends_frames X> ok_in_place<X> ok(X&& x) noexcept { return ok_in_place<X>(x); }
template <ends_frames X> ok_in_place<X> ok(X& x) noexcept { return ok_in_place<X>(x); }

} // namespace weft
