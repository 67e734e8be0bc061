// on(executor, task): run a task elsewhere and wait for it here. Tests: core/combinator_test.cpp.
#pragma once

#include <weft/core/machine/one_operand.hpp>

namespace weft {

template <class T>
class [[nodiscard("co_await it")]] on_operation : public one_operand<on_operation<T>, task<T>> {
    using base = one_operand<on_operation, task<T>>;
    friend base;

  public:
    on_operation(run_queue& level, task<T>&& t) noexcept : base(kind_of_this, std::move(t)), level_(level) {
        this->share();
    }

  private:
    void start_operand() noexcept { this->operand_.start(*this, level_, true); }
    static constexpr scope_base::scope_kind kind_of_this{
        {"on", &scope_base::cancel_children}, &base::operand_has_ended, nullptr};

    run_queue& level_;
};

// Runs `t` on `where`, and stays there: work sharing does not move it. Yields its outcome as a result; exceptions come
// out. The waiter resumes on its own executor. A stop is passed on. The executor must be running, and outlive the wait.
// Allocates one branch header; errc::out_of_memory without.
template <class T> on_operation<T> on(executor& where, task<T>&& t, std::size_t priority = 0) noexcept {
    return on_operation<T>(where.level(priority), std::move(t));
}

} // namespace weft
