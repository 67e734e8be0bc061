// when_any(a, b, …) and when_any(range): run all at the same time; the first to end stops the others.
// Tests: core/combinator_test.cpp.
#pragma once

#include <tuple>

#include <weft/core/machine/operand_range.hpp>

namespace weft {

// What when_any() yields: every operand's outcome, since one that was asked to stop may have finished all the same (an
// accepted socket, bytes read), and nothing is lost.
template <class... T> struct any_outcome {
    std::size_t first;         // the index of the operand that ended first
    std::tuple<T...> outcomes; // a result each

    template <std::size_t I> decltype(auto) get() & { return std::get<I>(outcomes); }
    template <std::size_t I> decltype(auto) get() && { return std::get<I>(std::move(outcomes)); }
};

// The same over a range.
template <class T> struct any_outcomes {
    std::size_t first;
    fixed_array<T> outcomes;
};

// The part that does not know how many operands there are: the first end stops the others.
template <class Self> class when_any_base : public operation<Self, scope_base> {
  public:
    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        static_cast<Self*>(this)->start_operands(b.home());
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }

  protected:
    when_any_base() noexcept : operation<Self, scope_base>(kind_of_this) {}

    // Without memory an operand has ended at once, with errc::out_of_memory.
    template <class F> void start_one(F& f, run_queue& level, std::size_t index) noexcept {
        f.start(*this, level);
        if (f.started()) return;
        if (first_ == none) first_ = index;
        this->request_stop();
    }
    std::size_t first() const noexcept { return first_; }

  private:
    static constexpr std::size_t none = ~std::size_t{0};

    static scope_base::disposition ended(scope_base& self, branch& child, failure_cause*) noexcept {
        auto& any = static_cast<when_any_base&>(self);
        if (any.first_ == none) {
            any.first_ = static_cast<Self&>(any).index_of(child);
            any.stop_children();
        }
        return scope_base::disposition::keep_frame;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"when_any", &scope_base::cancel_children}, &ended, nullptr};

    std::size_t first_ = none;
};

template <class... X>
class [[nodiscard("co_await it")]] when_any_operation : public when_any_base<when_any_operation<X...>> {
    friend when_any_base<when_any_operation>;

  public:
    using outcome = any_outcome<as_result<outcome_of<X>>...>;

    explicit when_any_operation(X&... x) noexcept : operands_(x...) {}

    outcome await_resume() {
        return std::apply([&](auto&... f) { return outcome{this->first(), {f.take()...}}; }, operands_);
    }

  private:
    void start_operands(run_queue& level) noexcept {
        std::size_t i = 0;
        std::apply([&](auto&... f) { (this->start_one(f, level, i++), ...); }, operands_);
    }
    std::size_t index_of(const branch& child) noexcept {
        std::size_t i = 0;
        std::apply([&](auto&... f) { (void)((f.is(child) || (++i, false)) || ...); }, operands_);
        return i;
    }

    std::tuple<operand_for<X>...> operands_;
};

template <class T>
class [[nodiscard("co_await it")]] when_any_range_operation
    : public when_any_base<when_any_range_operation<T>> {
    friend when_any_base<when_any_range_operation>;
    using outcomes = fixed_array<as_result<T>>;

  public:
    using outcome = result<any_outcomes<as_result<T>>>;

    explicit when_any_range_operation(std::span<task<T>> tasks) noexcept
        : outcomes_(outcomes::with_room(tasks.size())), operands_(operands_of(tasks)) {
        if (tasks.empty())
            refused_ = errc::invalid_argument;
        else if (outcomes_.room() == 0 || operands_.empty())
            refused_ = errc::out_of_memory;
    }

    outcome await_resume() {
        if (refused_ != errc::none) return failure(refused_);
        for (auto& f : operands_) outcomes_.emplace_back(f.take());
        return any_outcomes<as_result<T>>{this->first(), std::move(outcomes_)};
    }

  private:
    void start_operands(run_queue& level) noexcept {
        if (refused_ != errc::none) return;
        for (auto& f : operands_) this->start_one(f, level, static_cast<std::size_t>(&f - operands_.data()));
    }
    // Once a wait.
    std::size_t index_of(const branch& child) noexcept {
        std::size_t i = 0;
        while (!operands_[i].is(child)) ++i;
        return i;
    }

    outcomes outcomes_;
    fixed_array<operand<task<T>>> operands_;
    errc refused_ = errc::none;
};

// Runs every operand (a task, or an operation) on a branch of its own. When the first has ended, with a value or with an
// error, the others are asked to stop; when all have ended, it yields which was first, and every outcome as a result. How
// long that takes is up to the others. A stop is passed on to all operands. Exceptions come out, the leftmost operand's
// first. Resumes on the owner's executor. Allocates one branch header an operand; an operand without one has ended at
// once with errc::out_of_memory.
template <operand_argument... X>
    requires(sizeof...(X) > 0)
auto when_any(X&&... x) noexcept {
    static_assert(((!std::is_lvalue_reference_v<X> || operation_like<std::remove_reference_t<X>>) && ...),
                  "pass tasks with std::move: when_any takes them over");
    return when_any_operation<std::remove_cvref_t<X>...>(x...);
}

// The same for a range of tasks of one type: a std::span, std::vector, std::array or array of task<T>. Yields a result of
// weft::any_outcomes, with the outcomes in the order of the tasks; errc::invalid_argument from an empty range, since then
// nothing is first. Takes over the tasks and allocates as when_all() of a range does; errc::out_of_memory without the
// blocks, and nothing is started.
template <task_range R> auto when_any(R&& tasks) noexcept {
    static_assert(detail::may_be_emptied<R>, WEFT_MOVE_THE_RANGE);
    return when_any_range_operation(std::span(std::data(tasks), std::size(tasks)));
}

} // namespace weft
