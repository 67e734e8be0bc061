// The base of the combinators that run one operand: timeout, until, shielded, on.
#pragma once

#include <weft/core/machine/operand.hpp>

namespace weft {

// Runs X on a branch of its own, waits for its end, and yields its outcome. `Self` gives a scope_kind whose `ended` is
// operand_has_ended, and hides what it does differently. All hooks run in the owner's context but where noted.
template <class Self, class X> class one_operand : public operation<Self, scope_base> {
  public:
    using outcome = as_result<outcome_of<X>>;

    bool start(branch& b, continuation& then) noexcept {
        Self& self = static_cast<Self&>(*this);
        this->open(b, then, Self::takes_stops);
        self.opened();
        self.start_operand();
        if (!operand_.started()) self.operand_ended();
        if (this->drop_hold()) return this->finish_now(b, then);
        self.waits(b);
        return true;
    }
    outcome await_resume() { return operand_.take(); }

  protected:
    template <class... A>
    one_operand(const scope_base::scope_kind& kind, A&&... x) noexcept
        : operation<Self, scope_base>(kind), operand_(std::forward<A>(x)...) {}

    static constexpr bool takes_stops = true; // a stop of the owner's branch before the start
    void opened() noexcept {}                 // the scope is open and empty
    void start_operand() noexcept { operand_.start(*this, this->default_level()); }
    void operand_ended() noexcept {} // under the guard, wherever the operand has ended
    void waits(branch&) noexcept {}  // the operand goes on, and the owner will be suspended

    static scope_base::disposition operand_has_ended(scope_base& self, branch&, failure_cause*) noexcept {
        static_cast<Self&>(self).operand_ended();
        return scope_base::disposition::keep_frame;
    }

    operand_for<X> operand_;
};

} // namespace weft
