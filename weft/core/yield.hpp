// yield(): let the others run.
#pragma once

#include <weft/core/leaf.hpp>

namespace weft {

// Goes to the back of the branch's ready queue. Resumes on the home executor. Cannot fail and cannot be cancelled:
// a stopped branch may yield too. No allocation.
class [[nodiscard("co_await it")]] yield_operation : public operation<yield_operation> {
  public:
    yield_operation() noexcept : operation(yielding) {}
    bool start(branch& b, continuation& then) noexcept { return operation::yield(b, then); }
    void await_resume() const noexcept {}

  private:
    static constexpr leaf_kind yielding{"yield", [](leaf&) noexcept {}};
};

inline yield_operation yield() noexcept { return yield_operation(); }

} // namespace weft
