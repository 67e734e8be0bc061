// fork<X>: one operand of a combinator, running on a branch of its own.
#pragma once

#include <optional>

#include <weft/core/leaf.hpp>
#include <weft/core/scope_base.hpp>
#include <weft/core/task.hpp>

namespace weft {

// What combinators take: a task by value, or an operation by reference, which stands in the same full expression.
template <class X>
concept forkable = is_task<std::remove_cvref_t<X>> || operation_like<std::remove_reference_t<X>>;

// Stands for void where a value must stand.
struct unit {
    friend constexpr bool operator==(unit, unit) noexcept = default;
};
template <class T> using something = std::conditional_t<std::is_void_v<T>, unit, T>;

template <class X> class fork;

template <class T> class fork<task<T>> {
  public:
    using type = T;

    explicit fork(task<T>&& t) noexcept : task_(std::move(t)) {}
    explicit fork(task<T>& t) noexcept : task_(std::move(t)) {}

    // Adds a child to `scope` in `level` and makes it ready. Without memory the outcome is there at once.
    void start(scope_base& scope, ready_level& level, bool pinned = false) noexcept {
        if (!task_) return;
        branch* b = scope.new_child(task_.frame(), level);
        if (!b) return;
        started_ = true;
        if (pinned) b->pin();
        task_.root_of(*b);
        scope_base::launch(*b);
    }
    bool is(const branch& child) noexcept { return started_ && task_ && child.target == &task_.frame(); }
    // The child has ended. Of an error nothing but the error is kept: where ok() has ended the task, its frame still
    // holds what it held, and others may be waiting for that.
    scope_base::fate ended(const failure_cause* why) noexcept {
        if constexpr (is_result<T>) {
            if (why && !why->exception) {
                error_ = why->code;
                task_.release();
                return scope_base::fate::destroy;
            }
        }
        return scope_base::fate::keep_frame;
    }
    // After the child has ended. Exceptions come out here.
    T take() {
        if (!started_) return task<T>::no_frame();
        if constexpr (is_result<T>) {
            if (error_.code() != errc::none) return failure(error_);
        }
        return task_.await_resume();
    }
    bool started() const noexcept { return started_; }

  private:
    task<T> task_;
    bool started_ = false;
    [[no_unique_address]] std::conditional_t<is_result<T>, error, unit> error_;
};

template <operation_like X> class fork<X> : link {
  public:
    using type = decltype(std::declval<X&>().await_resume());

    explicit fork(X& x) noexcept : link(&ended, nullptr), operation_(x) {}

    void start(scope_base& scope, ready_level& level) noexcept {
        branch_ = scope.new_child(*this, level);
        if (branch_ && !operation_.start(*branch_, *this)) ended(this);
    }
    bool is(const branch& child) const noexcept { return &child == branch_; }
    scope_base::fate ended(const failure_cause*) noexcept { return scope_base::fate::keep_frame; }
    type take() {
        if (!outcome_) return task<type>::no_frame();
        if constexpr (!std::is_void_v<type>) return std::move(*outcome_);
    }
    bool started() const noexcept { return branch_ != nullptr; }

  private:
    static void ended(continuation* self) noexcept {
        auto& f = *static_cast<fork*>(self);
        branch& b = *f.branch_;
        if constexpr (std::is_void_v<type>) {
            f.operation_.await_resume();
            f.outcome_.emplace();
        } else {
            f.outcome_.emplace(f.operation_.await_resume());
        }
        if constexpr (is_result<type>) {
            if (!f.outcome_->has_value()) {
                failure_cause why(f.outcome_->error());
                return b.scope->child_ended(b, &why);
            }
        }
        b.scope->child_ended(b, nullptr);
    }

    X& operation_;
    branch* branch_ = nullptr;
    std::optional<something<type>> outcome_;
};

// The fork for an argument of type X&&.
template <class X> using fork_for = fork<std::remove_cvref_t<X>>;
// Calls take(), with unit for void.
template <class F> something<typename F::type> take_something(F& f) {
    if constexpr (std::is_void_v<typename F::type>) {
        f.take();
        return {};
    } else {
        return f.take();
    }
}
// What an operand yields when it is awaited.
template <class X> using outcome_of = typename fork_for<X>::type;

} // namespace weft
