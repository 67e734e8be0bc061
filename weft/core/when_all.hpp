// when_all(a, b, …): run all at the same time, and go on when the last has ended.
#pragma once

#include <tuple>

#include <weft/core/fork.hpp>

namespace weft {

template <class... X>
class [[nodiscard("co_await it")]] when_all_operation
    : public operation<when_all_operation<X...>, scope_base> {
    static constexpr bool can_fail = (is_result<outcome_of<X>> || ...);
    using values = std::tuple<something<value_of<outcome_of<X>>>...>;

  public:
    using outcome = std::conditional_t<can_fail, result<values>, values>;

    explicit when_all_operation(X&... x) noexcept
        : operation<when_all_operation, scope_base>(kind_of_this), forks_(x...) {}

    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        ready_level& level = this->default_level();
        std::apply([&](auto&... f) { (start_one(f, level), ...); }, forks_);
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }

    outcome await_resume() {
        if (first_failure_.exception) [[unlikely]]
            std::move(first_failure_.exception).rethrow();
        if constexpr (can_fail) {
            if (first_failure_) return failure(first_failure_.code);
        }
        return std::apply([](auto&... f) { return values(value(f)...); }, forks_);
    }

  private:
    template <class F> void start_one(F& f, ready_level& level) noexcept {
        f.start(*this, level);
        if (f.started()) return;
        if constexpr (can_fail) {
            if (!first_failure_) first_failure_ = failure_cause(errc::out_of_memory);
            this->request_stop();
        } else {
            port::panic("no memory for an operand of when_all");
        }
    }
    template <class F> static auto value(F& f) {
        using T = typename F::type;
        if constexpr (!is_result<T>) {
            return take_something(f);
        } else if constexpr (std::is_void_v<value_of<T>>) {
            (void)f.take();
            return unit();
        } else {
            return *f.take();
        }
    }
    static scope_base::fate ended(scope_base& self, branch& child, failure_cause* why) noexcept {
        auto& all = static_cast<when_all_operation&>(self);
        scope_base::fate what = scope_base::fate::keep_frame;
        std::apply([&](auto&... f) { ((f.is(child) && (what = f.ended(why), true)) || ...); }, all.forks_);
        if (why && !all.first_failure_) {
            all.first_failure_ = std::move(*why);
            all.stop_children();
        }
        return what;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"when_all", &scope_base::cancel_children}, &ended, nullptr};

    std::tuple<fork_for<X>...> forks_;
    failure_cause first_failure_;
};

// Runs every operand (a task, or an operation) on a branch of its own and waits for all. Yields a std::tuple of the
// values, with weft::unit for void. If an operand can fail, it yields a result of that tuple: the first failure asks the
// others to stop, and is what comes out when they have ended; exceptions likewise. A stop is passed on to all operands.
// Resumes on the owner's executor. Allocates one branch header an operand; without memory errc::out_of_memory, or a
// panic where no operand can fail.
template <forkable... X> auto when_all(X&&... x) noexcept {
    static_assert(((!std::is_lvalue_reference_v<X> || operation_like<std::remove_reference_t<X>>) && ...),
                  "pass tasks with std::move: when_all takes them over");
    return when_all_operation<std::remove_cvref_t<X>...>(x...);
}

} // namespace weft
