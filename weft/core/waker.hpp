// waker: what a leaf hands to an event source that is no part of weft: an interrupt handler, a callback, a thread.
#pragma once

#include <type_traits>

#include <weft/core/leaf.hpp>

namespace weft {

namespace detail {

// Who waits, or that a wake is remembered, for threads: one word.
class shared_waker_state {
  public:
    void wake() noexcept {
        std::uintptr_t old = state_.exchange(woken, order::acq_rel);
        if (old <= woken) return;
        // Wakes up to this moment are one with this; what they tell of is seen by the one who is woken.
        state_.exchange(empty, order::acq_rel);
        reinterpret_cast<branch*>(old)->wake();
    }
    // True: the branch waits from now on. False: what use_up() says.
    bool begin(branch& b) noexcept {
        std::uintptr_t old = empty;
        return state_.compare_exchange(old, reinterpret_cast<std::uintptr_t>(&b), order::acq_rel);
    }
    // True: a wake was remembered, and the branch does not wait. False: it does.
    bool use_up(branch&) noexcept {
        if (state_.exchange(empty, order::acquire) != woken) port::panic("two tasks wait for one waker");
        return true;
    }
    // Who waited, and does so no longer; nullptr if a wake was faster.
    branch* withdraw() noexcept {
        std::uintptr_t old = state_.load(order::relaxed);
        if (old <= woken || !state_.compare_exchange(old, empty, order::acq_rel)) return nullptr;
        return reinterpret_cast<branch*>(old);
    }
    void reset() noexcept {
        std::uintptr_t old = woken;
        state_.compare_exchange(old, empty, order::acq_rel);
    }

  private:
    static constexpr std::uintptr_t empty = 0;
    static constexpr std::uintptr_t woken = 1;
    atomic<std::uintptr_t> state_{empty}; // or the branch that waits
};

// The same with one hart, where interrupts wake: two words, so that a task can begin to wait without masking them.
class one_hart_waker_state {
  public:
    void wake() noexcept {
        std::uintptr_t saved = port::lock();
        if (branch* b = waiter_.load(order::relaxed)) [[likely]] {
            waiter_.store(nullptr, order::relaxed);
            return b->wake_unlocking(saved);
        }
        woken_.store(1, order::relaxed);
        port::unlock(saved);
    }
    WEFT_INLINE bool begin(branch& b) noexcept {
        if (!waiter_.load(order::relaxed)) {
            waiter_.store(&b, order::relaxed);
            if (!woken_.load(order::relaxed)) return true;
        }
        return false;
    }
    bool use_up(branch& b) noexcept {
        woken_.store(0, order::relaxed);
        branch* waiter = withdraw();
        if (waiter && waiter != &b) port::panic("two tasks wait for one waker");
        return waiter; // nullptr: another wake has come since begin(), and the branch is on its way; they are one
    }
    branch* withdraw() noexcept {
        queue_section section;
        branch* b = waiter_.load(order::relaxed);
        waiter_.store(nullptr, order::relaxed);
        return b;
    }
    void reset() noexcept { woken_.store(0, order::relaxed); }

  private:
    atomic<branch*> waiter_{nullptr};
    atomic<std::uint32_t> woken_{0};
};

} // namespace detail

// One waiter, one event. wake() before wait() is remembered, once; so is one that comes when the waiter is on its way
// already. wake() is thread-safe, interrupt-safe, and never waits. The waker must outlive the source's last call.
class waker {
  public:
    waker() noexcept = default;
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;

    void wake() noexcept { state_.wake(); }
    // Forgets a wake that nobody has waited for.
    void reset() noexcept { state_.reset(); }

    class [[nodiscard("co_await it")]] wait_operation : public operation<wait_operation> {
      public:
        explicit wait_operation(waker& w) noexcept : operation(waiting), waker_(&w) {}

        bool start(branch& b, continuation& then) noexcept {
            suspend_unowned(b, then);
            if (!b.stopping() && waker_->state_.begin(b)) return true;
            return go_on(b);
        }
        WEFT_INLINE result<void> await_resume() noexcept {
            if (waker_) return {};
            return failure(errc::cancelled);
        }

      private:
        // Out of the way of a wait, which so needs no registers for it.
        [[gnu::noinline]] static bool go_on(branch& b) noexcept {
            auto& self = static_cast<wait_operation&>(*b.waiting.load(order::relaxed));
            if (b.stopping())
                self.waker_ = nullptr;
            else if (!self.waker_->state_.use_up(b))
                return true;
            b.waiting.store(nullptr, order::relaxed);
            return b.stopping() ? self.yield(b, *b.target) : self.finish_now(b, *b.target);
        }
        static void cancel(leaf& self) noexcept {
            auto& w = static_cast<wait_operation&>(self);
            branch* b = w.waker_->state_.withdraw();
            if (!b) return; // woken: it is on its way
            w.waker_ = nullptr;
            b->post();
        }
        static constexpr leaf_kind waiting{"waker", &cancel};

        waker* waker_; // nullptr after a stop
    };

    // Waits for wake(). Yields errc::cancelled if a stop came first. Resumes on the home executor. A second waiter at the
    // same time is a mistake, and panics. No allocation.
    wait_operation wait() noexcept { return wait_operation(*this); }

  private:
    std::conditional_t<one_hart, detail::one_hart_waker_state, detail::shared_waker_state> state_;
};

} // namespace weft
