// timeout(d, x): ask x to stop when the time is up. Tests: core/combinator_test.cpp.
#pragma once

#include <weft/core/machine/one_operand.hpp>
#include <weft/core/sleep.hpp>

namespace weft {

template <class X>
class [[nodiscard("co_await it")]] timeout_operation : public one_operand<timeout_operation<X>, X> {
    using base = one_operand<timeout_operation, X>;
    friend base;
    static_assert(is_result<outcome_of<X>>,
                  "timeout(d, x): x must yield a weft::result, so that it can say that it was stopped");

  public:
    timeout_operation(clock::time_point when, X& x) noexcept : base(kind_of_this, x), alarm_(*this, when) {}

    typename base::outcome await_resume() {
        if (pinned_) {
            port::remove_timer(*pinned_->home().owner, alarm_);
            pinned_->unpin();
        }
        auto result = base::await_resume();
        if (alarm_.rang && !result && result.error() == errc::cancelled) return failure(errc::timed_out);
        return result;
    }

  private:
    struct alarm : timer {
        alarm(timeout_operation& t, clock::time_point when) noexcept
            : timer(ringing, when.time_since_epoch().count()), timeout(t) {}
        timeout_operation& timeout;
        bool rang = false;
    };
    // The alarm is in this executor's queue: the owner wakes up where it can be taken out.
    void waits(branch& b) noexcept {
        b.pin();
        pinned_ = &b;
        port::insert_timer(*b.home().owner, alarm_);
    }
    static void time_is_up(timer& self) noexcept {
        auto& a = static_cast<alarm&>(self);
        a.rang = !a.timeout.stop_requested();
        a.timeout.request_stop();
    }
    static void no_cancel(leaf&) noexcept {}
    static constexpr timer::timer_kind ringing{{"timeout", &no_cancel}, &time_is_up};
    static constexpr scope_base::scope_kind kind_of_this{
        {"timeout", &scope_base::cancel_children}, &base::operand_has_ended, nullptr};

    alarm alarm_;
    branch* pinned_ = nullptr;
};

// Runs x (a task or an operation that yields a result) and asks it to stop after `limit`. Yields x's outcome if there is
// one in spite of the stop, errc::timed_out if x gave in to it, errc::cancelled if a stop from outside came first. Bounds
// the request, not the return: x has always ended before timeout() yields. Resumes on the owner's executor. Allocates one
// branch header; errc::out_of_memory without.
template <operand_argument X> auto timeout(clock::duration limit, X&& x) noexcept {
    return timeout_operation<std::remove_cvref_t<X>>(clock::after(clock::now(), limit), x);
}
// The same with a moment in place of a length.
template <operand_argument X> auto timeout_at(clock::time_point when, X&& x) noexcept {
    return timeout_operation<std::remove_cvref_t<X>>(when, x);
}

} // namespace weft
