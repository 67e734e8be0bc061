// co_await ok(x): the value of a result, or an early return of its error from the awaiting task, as Rust's `?`.
#pragma once

#include <optional>

#include <weft/core/leaf.hpp>
#include <weft/core/task.hpp>

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
            return detail::end_with<P>(frame_of(h), errc::out_of_memory);
        owner = &frame_of(h);
        resume = &child_ended<P>;
        return task_.run_on(*p.branch, *this);
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
        error e = ok.task_.error_or_none();
        if (e == errc::none) [[likely]]
            return std::coroutine_handle<>::from_address(&parent).resume();
        ok.task_ = task<result<T>>(); // the child's frame goes before the parent is told
        detail::end_with<P>(parent, e).resume();
    }

    task<result<T>> task_;
};

// An operation that can say whether it failed without giving its outcome away keeps it until the frame goes on.
template <class X>
concept tells_failure = requires(const X& x) {
    { x.failed() } noexcept -> std::same_as<bool>;
};

template <operation_like X> class [[nodiscard("co_await it")]] ok_operation : link {
    using value = value_of<decltype(std::declval<X&>().await_resume())>;

  public:
    explicit ok_operation(X& x) noexcept : link(nullptr, nullptr), operation_(x) {}

    constexpr bool await_ready() const noexcept { return false; }
    template <class P>
    [[gnu::always_inline]] bool await_suspend(std::coroutine_handle<P> h,
                                              const void* site = WEFT_AWAIT_SITE) {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        static_assert(detail::can_fail<P>, WEFT_OK_NEEDS_RESULT);
        promise_base& p = h.promise();
        p.site = site;
        owner = &frame_of(h);
        resume = &ended<P>;
        branch& b = *p.branch;
        if (operation_.start(b, *this)) return true;
        if (succeeded()) [[likely]]
            return false;
        // The end of the frame is told from the executor's loop, as after a wait.
        resume = &failed<P>;
        b.target = this;
        b.home().owner->push_next(b);
        return true;
    }
    [[gnu::always_inline]] value await_resume() {
        if constexpr (keeps_outcome) {
            if constexpr (!std::is_void_v<value>) return *std::move(*outcome_);
        } else {
            if constexpr (std::is_void_v<value>)
                (void)operation_.await_resume();
            else
                return *operation_.await_resume();
        }
    }

  private:
    static constexpr bool keeps_outcome = !tells_failure<X>;
    struct nothing {};

    [[gnu::always_inline]] bool succeeded() {
        if constexpr (keeps_outcome) {
            outcome_.emplace(operation_.await_resume());
            return outcome_->has_value();
        } else {
            return !operation_.failed();
        }
    }
    template <class P> static void ended(continuation* self) {
        auto& ok = *static_cast<ok_operation*>(self);
        if (ok.succeeded()) [[likely]]
            return std::coroutine_handle<>::from_address(ok.owner).resume();
        failed<P>(self);
    }
    template <class P> [[gnu::cold]] static void failed(continuation* self) {
        auto& ok = *static_cast<ok_operation*>(self);
        error why;
        if constexpr (keeps_outcome)
            why = ok.outcome_->error();
        else
            why = ok.operation_.await_resume().error();
        detail::end_with<P>(*ok.owner, why).resume();
    }

    X& operation_;
    [[no_unique_address]] std::conditional_t<keeps_outcome, std::optional<result<value>>, nothing> outcome_;
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

} // namespace weft
