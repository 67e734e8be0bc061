// shielded(x): x goes on in spite of a stop, so that clean-up can await.
#pragma once

#include <weft/core/fork.hpp>

namespace weft {

template <class X>
class [[nodiscard("co_await it")]] shielded_operation : public operation<shielded_operation<X>, scope_base> {
  public:
    using outcome = outcome_of<X>;

    explicit shielded_operation(X& x) noexcept
        : operation<shielded_operation, scope_base>(kind_of_this), fork_(x) {}

    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then, false);
        fork_.start(*this, this->default_level());
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }
    outcome await_resume() { return fork_.take(); }

  private:
    static void no_cancel(leaf&) noexcept {}
    static scope_base::fate ended(scope_base&, branch&, failure_cause*) noexcept {
        return scope_base::fate::keep_frame;
    }
    static constexpr scope_base::scope_kind kind_of_this{{"shielded", &no_cancel}, &ended, nullptr};

    fork_for<X> fork_;
};

// Runs x (a task or an operation) on a branch that no stop from outside reaches, also if one was requested before.
// Yields x's outcome. Afterwards the stop holds again. Resumes on the owner's executor. Allocates one branch header.
template <forkable X> auto shielded(X&& x) noexcept { return shielded_operation<std::remove_cvref_t<X>>(x); }

} // namespace weft
