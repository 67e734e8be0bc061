// rtc_goldfish: the time of day on QEMU's `virt`, and alarms.
#pragma once

#include <chrono>
#include <cstdint>

#include <weft/core/mmio.hpp>
#include <weft/core/result.hpp>
#include <weft/core/wait_queue.hpp>

namespace weft::drivers {

// Times are nanoseconds since the beginning of 1970, UTC. Registers: Android's Goldfish virtual hardware, "RTC". Any number
// of waits at the same time. Must outlive its waits and its interrupts.
class rtc_goldfish {
  public:
    class wait_operation;

    explicit rtc_goldfish(std::uintptr_t base) noexcept : base_(base) {
        at(alarm_clear) = 1;
        at(interrupt_clear) = 1;
        at(interrupt_enable) = 1;
    }
    rtc_goldfish(const rtc_goldfish&) = delete;
    rtc_goldfish& operator=(const rtc_goldfish&) = delete;

    // Any context.
    std::chrono::nanoseconds now() const noexcept {
        lock_guard section(lock_);
        return read();
    }
    // Returns when it is so late; at once for what is past. errc::cancelled if a stop came first. Resumes on the home
    // executor. No allocation.
    wait_operation wait_until(std::chrono::nanoseconds when) noexcept;

    // For its interrupt.
    void interrupt() noexcept {
        waiter_list due;
        lock_.lock();
        at(interrupt_clear) = 1;
        serve(due);
        lock_.unlock();
        wait_queue<spin_lock>::resume_all(due.first());
    }

  private:
    template <class, class> friend class weft::queued_operation;
    enum : std::uintptr_t {
        time_low = 0x00,
        time_high = 0x04,
        alarm_low = 0x08,
        alarm_high = 0x0c,
        interrupt_enable = 0x10,
        alarm_clear = 0x14,
        interrupt_clear = 0x1c,
    };
    static constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max();

    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }
    // All that follow: under the lock. To read the low word keeps the high one.
    std::chrono::nanoseconds read() const noexcept {
        std::uint64_t low = at(time_low);
        return std::chrono::nanoseconds(static_cast<std::int64_t>(std::uint64_t{at(time_high)} << 32 | low));
    }
    // Of a moment in the past it tells at once.
    void arm(std::chrono::nanoseconds when) noexcept {
        alarm_ = when;
        if (when == never) {
            at(alarm_clear) = 1;
            return;
        }
        auto word = static_cast<std::uint64_t>(when.count());
        at(alarm_high) = static_cast<std::uint32_t>(word >> 32);
        at(alarm_low) = static_cast<std::uint32_t>(word);
    }
    void serve(waiter_list& due) noexcept;

    mutable spin_lock lock_;
    std::uintptr_t base_;
    std::chrono::nanoseconds alarm_ = never;
    wait_queue<spin_lock> waiting_;
};

class [[nodiscard("co_await it")]] rtc_goldfish::wait_operation
    : public queued_operation<rtc_goldfish::wait_operation> {
    using base = queued_operation<wait_operation>;

  public:
    using lock_type = spin_lock;
    wait_operation(rtc_goldfish& rtc, std::chrono::nanoseconds when) noexcept
        : base(waiting), rtc_(rtc), when_(when) {}

    result<void> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    friend base;
    friend rtc_goldfish;
    rtc_goldfish& subject() noexcept { return rtc_; }
    wait_queue<spin_lock>& queue() noexcept { return rtc_.waiting_; }
    bool attempt(branch&, waiter_list&) noexcept {
        if (when_ <= rtc_.read()) return true;
        if (when_ < rtc_.alarm_)
            rtc_.arm(when_); // an interrupt that comes at once is masked until this wait is queued
        return false;
    }
    static constexpr leaf_kind waiting{"alarm", &base::cancel};

    rtc_goldfish& rtc_;
    std::chrono::nanoseconds when_;
};

inline rtc_goldfish::wait_operation rtc_goldfish::wait_until(std::chrono::nanoseconds when) noexcept {
    return wait_operation(*this, when);
}

inline void rtc_goldfish::serve(waiter_list& due) noexcept {
    std::chrono::nanoseconds now = read(), next = never;
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
    arm(next);
}

} // namespace weft::drivers
