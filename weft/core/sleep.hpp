// Waiting for a moment: sleep_for, sleep_until, interval.
#pragma once

#include <weft/core/machine/timer.hpp>
#include <weft/core/time.hpp>

namespace weft {

class [[nodiscard("co_await it")]] sleep_operation : public operation<sleep_operation, timer> {
  public:
    // With one hart, the queue finds out about a moment in the past: an alarm is cheaper there than the clock.
    explicit sleep_operation(clock::time_point when) noexcept
        : sleep_operation(when, one_hart || when > clock::now()) {}
    // `ahead`: it was in the future just now.
    sleep_operation(clock::time_point when, bool ahead) noexcept
        : operation(sleeping, ahead ? when.time_since_epoch().count() : past, unlinked()) {}

    // Suspends in any case, and returns true.
    bool start(branch& b, continuation& then) noexcept {
        if (!b.stopping()) [[likely]] {
            if (deadline != past) [[likely]] {
                suspend(b, then);
                port::insert_timer(*b.home().owner, *this);
                return true;
            }
            owner = &b;
        } else {
            owner = nullptr;
        }
        return yield(b, then);
    }
    template <class P>
    void await_suspend(std::coroutine_handle<P> h, const void* site = WEFT_AWAIT_SITE) noexcept {
        (void)operation::await_suspend(h, site);
    }
    WEFT_INLINE result<void> await_resume() const noexcept {
        if (owner) return {};
        return failure(errc::cancelled);
    }

  private:
    static constexpr std::int64_t past = INT64_MIN;

    static void cancel(leaf& self) noexcept {
        auto& s = static_cast<sleep_operation&>(self);
        branch& b = *s.owner;
        port::remove_timer(*b.home().owner, s);
        s.owner = nullptr; // which says that a stop came
        b.post();
    }
    static void wake(timer& self) noexcept { self.owner->post(); }
    static constexpr timer_kind sleeping{{"sleep", &cancel}, &wake};
};

// Waits until the clock shows `when`; a moment in the past lets the others run once. Yields errc::cancelled if a stop
// came first, and nothing else can go wrong. Resumes on the home executor. Nanosecond deadlines; how late the wake is
// depends on the port. No allocation.
inline sleep_operation sleep_until(const clock::time_point& when) noexcept { return sleep_operation(when); }
// The same from now on. By reference: GCC keeps an argument of class type in the frame.
inline sleep_operation sleep_for(const clock::duration& wait) noexcept {
    return sleep_operation(clock::after(clock::now(), wait), wait.count() > 0);
}

// What interval does about ticks that went by while nobody waited.
enum class missed_ticks {
    burst, // they come at once, one a call, until the schedule is caught up with
    skip,  // they are left out; the next tick is on the schedule
    delay, // the next tick is one period after the late one; the schedule shifts
};

// A periodic moment. One waiter at a time.
//
//     weft::interval every_second(1s, weft::missed_ticks::skip);
//     while (co_await every_second.tick()) …
class interval {
  public:
    // The first tick is one period from now. A period below one nanosecond counts as one nanosecond.
    explicit interval(clock::duration period, missed_ticks policy = missed_ticks::burst) noexcept
        : interval(clock::after(clock::now(), at_least_one(period)), period, policy) {}
    interval(clock::time_point first, clock::duration period,
             missed_ticks policy = missed_ticks::burst) noexcept
        : next_(first), period_(at_least_one(period)), policy_(policy) {}

    // Waits for the next tick; yields errc::cancelled if a stop came first, and that tick stays due.
    class [[nodiscard("co_await it")]] tick_operation : public operation<tick_operation, sleep_operation> {
      public:
        explicit tick_operation(interval& i) noexcept
            : operation<tick_operation, sleep_operation>(i.next_), interval_(i) {}
        bool start(branch& b, continuation& then) noexcept { return sleep_operation::start(b, then); }
        result<void> await_resume() noexcept {
            result<void> r = sleep_operation::await_resume();
            if (r) interval_.advance();
            return r;
        }

      private:
        interval& interval_;
    };
    tick_operation tick() noexcept { return tick_operation(*this); }

    clock::time_point next() const noexcept { return next_; }

  private:
    static clock::duration at_least_one(clock::duration d) noexcept {
        return d < clock::duration(1) ? clock::duration(1) : d;
    }
    void advance() noexcept {
        clock::time_point now = clock::now();
        if (policy_ == missed_ticks::delay) {
            next_ = clock::after(now, period_);
        } else {
            next_ = clock::after(next_, period_);
            if (policy_ == missed_ticks::skip && next_ <= now)
                next_ += ((now - next_) / period_ + 1) * period_;
        }
    }

    clock::time_point next_;
    clock::duration period_;
    missed_ticks policy_;
};

} // namespace weft
