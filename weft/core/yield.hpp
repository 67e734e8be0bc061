// yield(): let the others run. Tests: core/task_test.cpp.
#pragma once

#include <weft/core/machine/branch.hpp>
#include <weft/core/machine/continuation.hpp>
#include <weft/core/machine/executor.hpp>

namespace weft {

// Goes to the back of the branch's ready queue. Resumes on the home executor. Cannot fail and cannot be cancelled:
// a stopped branch may yield too. No allocation. Not a leaf: a branch that is ready waits for nothing.
class [[nodiscard("co_await it")]] yield_operation {
  public:
    yield_operation() noexcept {}

    constexpr bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> h, const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        start(*p.branch, frame_of(h));
    }
    // For combinators.
    bool start(branch& b, continuation& then) noexcept {
        b.target = &then;
        b.home().push(b);
        return true;
    }
    void await_resume() const noexcept {}
};

inline yield_operation yield() noexcept { return yield_operation(); }

} // namespace weft
