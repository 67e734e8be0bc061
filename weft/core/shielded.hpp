// shielded(x): x goes on in spite of a stop, so that clean-up can await. Tests: core/combinator_test.cpp.
#pragma once

#include <weft/core/machine/one_operand.hpp>

namespace weft {

template <class X>
class [[nodiscard("co_await it")]] shielded_operation : public one_operand<shielded_operation<X>, X> {
    using base = one_operand<shielded_operation, X>;
    friend base;

  public:
    explicit shielded_operation(X& x) noexcept : base(kind_of_this, x) {}

  private:
    static constexpr bool takes_stops = false;
    static void no_cancel(leaf&) noexcept {}
    static constexpr scope_base::scope_kind kind_of_this{
        {"shielded", &no_cancel}, &base::operand_has_ended, nullptr};
};

// Runs x (a task or an operation) on a branch that no stop from outside reaches, also if one was requested before.
// Yields x's outcome as a result. Afterwards the stop holds again. Resumes on the owner's executor. Allocates one branch
// header; errc::out_of_memory without.
template <operand_argument X> auto shielded(X&& x) noexcept {
    return shielded_operation<std::remove_cvref_t<X>>(x);
}

} // namespace weft
