// when_any(a, b, …): run all at the same time; the first to end stops the others.
#pragma once

#include <tuple>

#include <weft/core/fork.hpp>

namespace weft {

// What when_any() yields: every operand's outcome, since one that was asked to stop may have finished all the same (an
// accepted socket, bytes read), and nothing is lost.
template <class... T> struct any_outcome {
    std::size_t first;         // the index of the operand that ended first
    std::tuple<T...> outcomes; // weft::unit for void

    template <std::size_t I> decltype(auto) get() & { return std::get<I>(outcomes); }
    template <std::size_t I> decltype(auto) get() && { return std::get<I>(std::move(outcomes)); }
};

template <class... X>
class [[nodiscard("co_await it")]] when_any_operation
    : public operation<when_any_operation<X...>, scope_base> {
    static constexpr std::size_t none = sizeof...(X);

  public:
    using outcome = any_outcome<something<outcome_of<X>>...>;

    explicit when_any_operation(X&... x) noexcept
        : operation<when_any_operation, scope_base>(kind_of_this), forks_(x...) {}

    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        ready_level& level = this->default_level();
        start_each(level, std::index_sequence_for<X...>());
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }

    outcome await_resume() {
        return std::apply([&](auto&... f) { return outcome{first_, {take_something(f)...}}; }, forks_);
    }

  private:
    template <std::size_t... I> void start_each(ready_level& level, std::index_sequence<I...>) noexcept {
        ((std::get<I>(forks_).start(*this, level), note_unstarted(std::get<I>(forks_).started(), I)), ...);
    }
    // Without memory an operand has ended at once, with errc::out_of_memory.
    void note_unstarted(bool started, std::size_t index) noexcept {
        if (started) return;
        if (first_ == none) first_ = index;
        this->request_stop();
    }
    static scope_base::fate ended(scope_base& self, branch& child, failure_cause* why) noexcept {
        auto& any = static_cast<when_any_operation&>(self);
        if (any.first_ == none) {
            any.first_ = any.index_of(child, std::index_sequence_for<X...>());
            any.stop_children();
        }
        scope_base::fate what = scope_base::fate::keep_frame;
        std::apply([&](auto&... f) { ((f.is(child) && (what = f.ended(why), true)) || ...); }, any.forks_);
        return what;
    }
    template <std::size_t... I>
    std::size_t index_of(const branch& child, std::index_sequence<I...>) noexcept {
        std::size_t index = none;
        ((std::get<I>(forks_).is(child) && (index = I, true)) || ...);
        return index;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"when_any", &scope_base::cancel_children}, &ended, nullptr};

    std::tuple<fork_for<X>...> forks_;
    std::size_t first_ = none;
};

// Runs every operand (a task, or an operation) on a branch of its own. When the first has ended, with a value or with an
// error, the others are asked to stop; when all have ended, it yields which was first, and every outcome. How long that
// takes is up to the others. A stop is passed on to all operands. Exceptions come out, the leftmost operand's first.
// Resumes on the owner's executor. Allocates one branch header an operand.
template <forkable... X>
    requires(sizeof...(X) > 0)
auto when_any(X&&... x) noexcept {
    return when_any_operation<std::remove_cvref_t<X>...>(x...);
}

} // namespace weft
