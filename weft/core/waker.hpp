// waker: what a leaf hands to an event source that is no part of weft: an interrupt handler, a callback, a thread.
#pragma once

#include <weft/core/leaf.hpp>

namespace weft {

// One waiter, one event. wake() before wait() is remembered, once; so is one that comes when the waiter is on its way
// already. wake() is thread-safe, interrupt-safe, and never waits. The waker must outlive the source's last call.
class waker {
  public:
    waker() noexcept = default;
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;

    void wake() noexcept {
        if constexpr (one_hart) {
            std::uintptr_t saved = port::lock();
            std::uintptr_t old = state_.load(order::relaxed);
            if (old > woken) [[likely]] {
                state_.store(empty, order::relaxed);
                return reinterpret_cast<branch*>(old)->wake_unlocking(saved);
            }
            state_.store(woken, order::relaxed);
            return port::unlock(saved);
        }
        std::uintptr_t old = state_.exchange(woken, order::acq_rel);
        if (old <= woken) return;
        // Wakes up to this moment are one with this; what they tell of is seen by the one who is woken.
        state_.exchange(empty, order::acq_rel);
        reinterpret_cast<branch*>(old)->wake();
    }
    // Forgets a wake that nobody has waited for.
    void reset() noexcept {
        std::uintptr_t old = woken;
        state_.compare_exchange(old, empty, order::acq_rel);
    }

    class [[nodiscard("co_await it")]] wait_operation : public operation<wait_operation> {
      public:
        explicit wait_operation(waker& w) noexcept : operation(waiting), waker_(w) {}

        bool start(branch& b, continuation& then) noexcept {
            if (b.stopping()) [[unlikely]]
                return yield(b, then);
            suspend(b, then);
            std::uintptr_t old = waker_.replace_empty(reinterpret_cast<std::uintptr_t>(&b));
            if (old == empty) [[likely]]
                return true;
            b.waiting.store(nullptr, order::relaxed);
            if (old != woken) port::panic("two tasks wait for one waker");
            waker_.state_.exchange(empty, order::acquire);
            return finish_now(b, then);
        }
        WEFT_INLINE result<void> await_resume() noexcept {
            if (!owner) [[unlikely]]
                return failure(errc::cancelled);
            return {};
        }

      private:
        static void cancel(leaf& self) noexcept {
            auto& w = static_cast<wait_operation&>(self);
            branch& b = *w.owner;
            std::uintptr_t old = reinterpret_cast<std::uintptr_t>(&b);
            if (!w.waker_.state_.compare_exchange(old, empty, order::acq_rel))
                return; // woken: the branch is on its way
            w.owner = nullptr;
            b.post();
        }
        static constexpr leaf_kind waiting{"waker", &cancel};

        waker& waker_; // `owner` is nullptr after a stop
    };

    // Waits for wake(). Yields errc::cancelled if a stop came first. Resumes on the home executor. A second waiter at the
    // same time is a mistake, and panics. No allocation.
    wait_operation wait() noexcept { return wait_operation(*this); }

  private:
    static constexpr std::uintptr_t empty = 0;
    static constexpr std::uintptr_t woken = 1;

    // What was there; `by` is there now if it was `empty`.
    WEFT_INLINE std::uintptr_t replace_empty(std::uintptr_t by) noexcept {
        std::uintptr_t old = empty;
        if constexpr (one_hart) {
            std::uintptr_t saved = port::lock();
            old = state_.load(order::relaxed);
            if (old == empty) [[likely]] {
                state_.store(by, order::relaxed);
                port::unlock(saved);
                return empty;
            }
            port::unlock(saved);
        } else {
            state_.compare_exchange(old, by, order::acq_rel);
        }
        return old;
    }

    atomic<std::uintptr_t> state_{empty}; // empty, woken, or the branch that waits
};

} // namespace weft
