// on(executor, task): run a task elsewhere and wait for it here.
#pragma once

#include <weft/core/fork.hpp>

namespace weft {

template <class T>
class [[nodiscard("co_await it")]] on_operation : public operation<on_operation<T>, scope_base> {
  public:
    using outcome = T;

    on_operation(ready_level& level, task<T>&& t) noexcept
        : operation<on_operation, scope_base>(kind_of_this), level_(level), fork_(std::move(t)) {}

    bool start(branch& b, continuation& then) noexcept {
        this->share();
        this->open(b, then);
        fork_.start(*this, level_, true);
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }
    T await_resume() { return fork_.take(); }

  private:
    static scope_base::fate ended(scope_base&, branch&, failure_cause*) noexcept {
        return scope_base::fate::keep_frame;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"on", &scope_base::cancel_children}, &ended, nullptr};

    ready_level& level_;
    fork<task<T>> fork_;
};

// Runs `t` on `where`, and stays there: work sharing does not move it. Yields its outcome; exceptions come out. The
// waiter resumes on its own executor. A stop is passed on. The executor must be running, and outlive the wait. Allocates
// one branch header.
template <class T> on_operation<T> on(executor& where, task<T>&& t, std::size_t priority = 0) noexcept {
    return on_operation<T>(where.level(priority), std::move(t));
}

} // namespace weft
