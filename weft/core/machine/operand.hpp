// operand<X>: one operand of a combinator, running on a branch of its own.
#pragma once

#include <weft/core/leaf.hpp>
#include <weft/core/machine/outcome.hpp>
#include <weft/core/machine/scope_base.hpp>
#include <weft/core/machine/task_access.hpp>

namespace weft {

// What combinators take: a task by value, or an operation by reference, which stands in the same full expression.
template <class X>
concept operand_argument = is_task<std::remove_cvref_t<X>> || operation_like<std::remove_reference_t<X>>;

// Stands for void where a value must stand.
struct unit {
    friend constexpr bool operator==(unit, unit) noexcept = default;
};
template <class T> using value_or_unit = std::conditional_t<std::is_void_v<T>, unit, T>;

// What the operands of all types share: the link that hears of the operand's end.
class operand_base : protected link {
  public:
    bool started() const noexcept { return branch_ != nullptr; }
    bool is(const branch& child) const noexcept { return &child == branch_; }

    // What stood in a deque, if it is an operand and no frame.
    static operand_base* of(continuation& stealable) noexcept {
        return stealable.destroy == &link_marker ? &static_cast<operand_base&>(stealable) : nullptr;
    }
    // Of an operand that waited to be begun: a branch of `here` begins it at once. In a turn of `here`, which is the
    // scope's home, or that of a worker which has stolen it.
    void begin(executor& here) noexcept;
    // The same in a branch of its scope's whose turn it is: what to resume.
    std::coroutine_handle<> begin_on(branch& b) noexcept { return begin_on(b, *frame_); }
    // The same, if it is an operand of `scope`. Where an operand has its scope, a frame that nobody has begun
    // has its branch, which is no scope.
    static operand_base* of(const scope_base& scope, continuation& stealable) noexcept {
        auto& f = static_cast<operand_base&>(stealable);
        return f.scope_ == &scope ? &f : nullptr;
    }

  protected:
    operand_base(void (*on_end)(continuation*)) noexcept : link(on_end, nullptr) {}

    std::coroutine_handle<> begin_on(branch& b, continuation& frame) noexcept {
        branch_ = &b;
        promise_of(frame).begin_branch(b, this);
        return b.hop(&frame);
    }
    void wait_to_begin(scope_base& scope, continuation& frame) noexcept {
        scope_ = &scope;
        frame_ = &frame;
    }
    // True: it was stolen, and its end will be heard of at the scope's home, in another turn.
    bool ends_at_home() noexcept {
        return branch_->has(branch::stolen) && scope_->sends_home(*branch_, *this);
    }

    // The last that is done to the operand: from here on it may be gone.
    void tell(failure_cause why) noexcept {
        branch& b = *branch_;
        b.scope->child_ended(b, why ? &why : nullptr);
    }

    union {
        branch* branch_ = nullptr;
        continuation* frame_; // while it waits to be begun
    };
    scope_base* scope_; // of one that waits to be begun
};

// What operand_base::of(scope, …) counts on, where it looks at a frame.
static_assert(sizeof(link) + sizeof(void*) == sizeof(continuation) + offsetof(promise_base, branch));

// Not noexcept, though nothing comes out: else GCC would resume what is next by a call and not by a jump.
WEFT_INLINE inline void scope_base::operand_succeeded(branch& child) {
    executor& here = home();
    bool last = --live_ == 0;
    if (!last && here.has_stealable) [[likely]] {
        if (continuation* newest = here.stealable->pop()) [[likely]] {
            if (operand_base* next = operand_base::of(*this, *newest)) [[likely]]
                return next->begin_on(child).resume();
            here.stealable->push(*newest); // another's, whose branches come to it
        }
    }
    local_.remove(child);
    child.recycle(here);
    if (last) last_ended(child, here);
}

template <class X> class operand;

template <class T> class operand<task<T>> : operand_base {
  public:
    using argument = task<T>;
    using type = T;
    using operand_base::is;
    using operand_base::started;

    explicit operand(task<T>&& t) noexcept : operand_base(&ended), task_(std::move(t)) {}
    explicit operand(task<T>& t) noexcept : operand(std::move(t)) {}

    // Adds a child to `scope` in `level` and makes it ready. Without memory it is not started.
    void start(scope_base& scope, run_queue& level, bool pinned = false) noexcept {
        if (!task_) return;
        branch_ = scope.new_child(task_access::frame(task_), level);
        if (!branch_) return;
        if (pinned) branch_->pin();
        task_access::root_of(task_, *branch_, this);
        scope_base::launch(*branch_);
    }
    // Where the executor keeps operands for later, and if it has a frame: it goes into a place of the deque that has room, or
    // becomes the first child of its scope, whose turn it is from now on: what to resume, nullptr without a spare header.
    bool has_frame() const noexcept { return static_cast<bool>(task_); }
    WEFT_INLINE void put_into(steal_deque& deque, std::size_t place, scope_base& scope) noexcept {
        this->wait_to_begin(scope, task_access::frame(task_));
        deque.put(place, *this);
    }
    WEFT_INLINE std::coroutine_handle<> begin_first(scope_base& scope) noexcept {
        branch* b = scope.begin_first(task_access::frame(task_));
        return b ? this->begin_on(*b, task_access::frame(task_)) : nullptr;
    }
    // After the child has ended well.
    WEFT_INLINE value_of<T> value() {
        if constexpr (is_result<T> && std::is_void_v<value_of<T>>)
            (void)task_.await_resume();
        else if constexpr (is_result<T>)
            return *task_.await_resume();
        else if constexpr (!std::is_void_v<T>)
            return task_access::value(task_);
    }
    // Of one that was not started.
    errc why_not_begun() const noexcept { return task_access::why_not_begun(task_); }
    // What it yields then.
    T no_frame() const { return task_access::no_frame(task_); }
    // After the child has ended, or where it was not started. Exceptions come out here.
    as_result<T> take() {
        if (!started()) return failure(why_not_begun());
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
    static void ended(continuation* self) {
        auto& f = *static_cast<operand*>(self);
        branch& b = *f.branch_;
        if (b.succeeds_uncounted() && task_access::succeeded(f.task_)) [[likely]]
            return b.scope->operand_succeeded(b);
        f.ended_counted();
    }
    // Of an error nothing but the error is kept: where ok() has ended the task, its frame still holds what it held, and
    // others may be waiting for that.
    [[gnu::noinline]] void ended_counted() noexcept {
        if (this->ends_at_home()) return;
        failure_cause why = task_access::why_failed(task_);
        if constexpr (is_result<T>) {
            if (why && !why.exception) {
                error_ = why.code;
                task_ = task<T>();
            }
        }
        this->tell(std::move(why));
    }

    task<T> task_;
    [[no_unique_address]] std::conditional_t<is_result<T>, error, unit> error_;
};

template <operation_like X> class operand<X> : operand_base {
  public:
    using argument = X;
    using type = decltype(std::declval<X&>().await_resume());
    using operand_base::is;
    using operand_base::started;

    explicit operand(X& x) noexcept : operand_base(&ended), operation_(x) {}

    void start(scope_base& scope, run_queue& level) noexcept {
        branch_ = scope.new_child(*this, level);
        if (branch_ && !operation_.start(*branch_, *this)) ended(this);
    }
    value_of<type> value() { return *take(); }
    errc why_not_begun() const noexcept { return errc::out_of_memory; }
    as_result<type> take() {
        if (!started()) return failure(why_not_begun());
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
        auto& f = *static_cast<operand*>(self);
        f.outcome_.set_from([&f]() -> type { return f.operation_.await_resume(); });
        f.tell(f.outcome_.why_failed());
    }

    X& operation_;
    detail::outcome<type> outcome_;
};

// The operand for an argument of type X&&.
template <class X> using operand_for = operand<std::remove_cvref_t<X>>;
// What an operand yields when it is awaited.
template <class X> using outcome_of = typename operand_for<X>::type;

} // namespace weft
