// alarms: a clock with one alarm, as moments that any number of tasks wait for. Tests: drivers/timer_test.cpp.
#pragma once

#include <chrono>

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft::drivers {

// A clock as alarms<> wants it; all members are called with interrupts masked. Times are nanoseconds since a moment of its own.
//
//     acknowledge()   in its interrupt, first
//     read()          what it shows
//     arm(when)       replaces the alarm: it is to interrupt then, at once for what is past, and never for alarm_never; it may
//                     come early for moments that are further than it counts
template <class H>
concept alarm_clock = requires(H& h, std::chrono::nanoseconds when) {
    h.acknowledge();
    { h.read() } -> std::same_as<std::chrono::nanoseconds>;
    h.arm(when);
};
inline constexpr std::chrono::nanoseconds alarm_never = std::chrono::nanoseconds::max();

// Meets hal::async_delay. No allocation; a look at each wait when one ends. Operations in tasks on any executor, resumed on
// their home executor; interrupt() in the clock's. Must outlive its waits and its interrupts.
template <alarm_clock Hardware> class alarms {
  public:
    class wait_operation;

    template <class... A> explicit alarms(A... hardware) noexcept : hardware_(hardware...) {}
    alarms(const alarms&) = delete;
    alarms& operator=(const alarms&) = delete;

    // Any context.
    std::chrono::nanoseconds now() const noexcept {
        lock_guard section(lock_);
        return hardware_.read();
    }
    // Returns when it is so late; at once for what is past. errc::cancelled if a stop came first.
    wait_operation wait_until(std::chrono::nanoseconds when) noexcept { return wait_operation(*this, when); }
    // The same from now on.
    wait_operation wait_for(std::chrono::nanoseconds wait) noexcept {
        std::chrono::nanoseconds start = now();
        return wait_operation(*this, wait < alarm_never - start ? start + wait : alarm_never);
    }

    // For its interrupt.
    void interrupt() noexcept {
        waiter_list due;
        lock_.lock();
        hardware_.acknowledge();
        serve(due);
        lock_.unlock();
        wait_queue<spin_lock>::resume_all(due.first());
    }

  private:
    template <class, class> friend class weft::queued_operation;

    // Under the lock.
    void serve(waiter_list& due) noexcept {
        std::chrono::nanoseconds now = hardware_.read(), next = alarm_never;
        for (waiter* w = waiting_.front(); w;) {
            waiter* rest = w->next;
            std::chrono::nanoseconds when = static_cast<wait_operation*>(w)->when_;
            if (when <= now) {
                waiting_.remove(*w);
                due.add(*w);
            } else if (when < next) {
                next = when;
            }
            w = rest;
        }
        set(next);
    }
    void set(std::chrono::nanoseconds when) noexcept {
        alarm_ = when;
        hardware_.arm(when);
    }

    mutable spin_lock lock_;
    mutable Hardware hardware_;
    std::chrono::nanoseconds alarm_ = alarm_never;
    wait_queue<spin_lock> waiting_;
};

template <alarm_clock Hardware>
class [[nodiscard("co_await it")]] alarms<Hardware>::wait_operation
    : public queued_operation<typename alarms<Hardware>::wait_operation> {
    using base = queued_operation<wait_operation>;

  public:
    using lock_type = spin_lock;
    wait_operation(alarms& a, std::chrono::nanoseconds when) noexcept
        : base(waiting), alarms_(a), when_(when) {}

    result<void> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    friend base;
    friend alarms;
    alarms& subject() noexcept { return alarms_; }
    wait_queue<spin_lock>& queue() noexcept { return alarms_.waiting_; }
    bool attempt(branch&, waiter_list&) noexcept {
        if (when_ <= alarms_.hardware_.read()) return true;
        // An interrupt that comes at once is masked until this wait is queued.
        if (when_ < alarms_.alarm_) alarms_.set(when_);
        return false;
    }
    static constexpr leaf_kind waiting{"alarm", &base::cancel};

    alarms& alarms_;
    std::chrono::nanoseconds when_;
};

} // namespace weft::drivers
