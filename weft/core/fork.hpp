// fork<X>: one operand of a combinator, running on a branch of its own.
#pragma once

#include <weft/core/leaf.hpp>
#include <weft/core/outcome.hpp>
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

// What the operands of all types share: the link that hears of the operand's end.
class fork_base : protected link {
  public:
    bool started() const noexcept { return branch_ != nullptr; }
    bool is(const branch& child) const noexcept { return &child == branch_; }

    // Of an operand that waited to be begun: a branch of `here` begins it at once. In a turn of `here`, which is the
    // scope's home, or that of a worker which has stolen it.
    void begin(executor& here) noexcept;

  protected:
    using link::link;

    // A task that is begun when nothing newer is left to begin, or by another worker. False: there is no room for it.
    bool wait_to_begin(scope_base& scope, continuation& frame) noexcept {
        scope_ = &scope;
        owner = &frame;                             // until then
        if (scope.keep_for_later(*this)) [[likely]] // from here on another worker may begin it
            return true;
        owner = nullptr;
        return false;
    }
    // True: it was stolen, and its end will be heard of at the scope's home, in another turn.
    bool ends_at_home() noexcept {
        return branch_->has(branch::stolen) && scope_->sends_home(*branch_, *this);
    }
    // The last that is done to the fork after a success.
    void tell_success() noexcept { branch_->scope->fork_succeeded(*branch_); }

    // The last that is done to the fork: from here on it may be gone.
    void tell(failure_cause why) noexcept {
        branch& b = *branch_;
        b.scope->child_ended(b, why ? &why : nullptr);
    }

    branch* branch_ = nullptr;
    scope_base* scope_ = nullptr;
};

template <class X> class fork;

template <class T> class fork<task<T>> : fork_base {
  public:
    using operand = task<T>;
    using type = T;
    using fork_base::is;
    using fork_base::started;

    explicit fork(task<T>&& t) noexcept : fork_base(&ended, nullptr), task_(std::move(t)) {}
    explicit fork(task<T>& t) noexcept : fork(std::move(t)) {}

    // Adds a child to `scope` in `level` and makes it ready. Without memory it is not started.
    void start(scope_base& scope, ready_level& level, bool pinned = false) noexcept {
        if (!task_) return;
        branch_ = scope.new_child(task_.frame(), level);
        if (!branch_) return;
        if (pinned) branch_->pin();
        task_.root_of(*branch_, this);
        scope_base::launch(*branch_);
    }
    // The same, but where the executor keeps operands for later it is begun as one of them. False without memory.
    bool start_later(scope_base& scope, ready_level& level) noexcept {
        if (task_ && this->wait_to_begin(scope, task_.frame())) return true;
        start(scope, level);
        return started();
    }
    // After the child has ended; errc::out_of_memory if it was not started. Exceptions come out here.
    as_result<T> take() {
        if (!started()) return failure(errc::out_of_memory);
        if constexpr (is_result<T>) {
            if (error_ != errc::none) return failure(error_);
            return task_.await_resume();
        } else if constexpr (std::is_void_v<T>) {
            task_.await_resume();
            return {};
        } else {
            return task_.await_resume();
        }
    }

  private:
    // Of an error nothing but the error is kept: where ok() has ended the task, its frame still holds what it held, and
    // others may be waiting for that.
    static void ended(continuation* self) noexcept {
        auto& f = *static_cast<fork*>(self);
        if (f.ends_at_home()) return;
        if (f.task_.succeeded()) [[likely]]
            return f.tell_success();
        f.failed();
    }
    [[gnu::cold, gnu::noinline]] void failed() noexcept {
        failure_cause why = task_.why_failed();
        if constexpr (is_result<T>) {
            if (!why.exception) {
                error_ = why.code;
                task_ = task<T>();
            }
        }
        this->tell(std::move(why));
    }

    task<T> task_;
    [[no_unique_address]] std::conditional_t<is_result<T>, error, unit> error_;
};

template <operation_like X> class fork<X> : fork_base {
  public:
    using operand = X;
    using type = decltype(std::declval<X&>().await_resume());
    using fork_base::is;
    using fork_base::started;

    explicit fork(X& x) noexcept : fork_base(&ended, nullptr), operation_(x) {}

    void start(scope_base& scope, ready_level& level) noexcept {
        branch_ = scope.new_child(*this, level);
        if (branch_ && !operation_.start(*branch_, *this)) ended(this);
    }
    as_result<type> take() {
        if (!started()) return failure(errc::out_of_memory);
        if constexpr (std::is_void_v<type>) {
            outcome_.take();
            return {};
        } else {
            return outcome_.take();
        }
    }

  private:
    // A combinator among the operands may have an exception to pass on.
    static void ended(continuation* self) noexcept {
        auto& f = *static_cast<fork*>(self);
        f.outcome_.set_from([&f]() -> type { return f.operation_.await_resume(); });
        f.tell(f.outcome_.why_failed());
    }

    X& operation_;
    detail::outcome<type> outcome_;
};

// The fork for an argument of type X&&.
template <class X> using fork_for = fork<std::remove_cvref_t<X>>;
// What an operand yields when it is awaited.
template <class X> using outcome_of = typename fork_for<X>::type;

} // namespace weft
