// waker: what a leaf hands to an event source that is no part of weft: an interrupt handler, a callback, a thread.
#pragma once

#include <weft/core/leaf.hpp>

namespace weft {

// One waiter, one event. wake() before wait() is remembered, once. wake() is idempotent, thread-safe and interrupt-safe,
// and one read-modify-write. The waker must outlive the source's last call.
class waker {
  public:
    waker() noexcept = default;
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;

    void wake() noexcept {
        std::uintptr_t old = state_.exchange(woken, order::acq_rel);
        if (old != empty && old != woken) reinterpret_cast<branch*>(old)->wake();
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
            if (b.stopping()) {
                cancelled_ = true;
                return yield(b, then);
            }
            suspend(b, then);
            std::uintptr_t old = empty;
            if (waker_.state_.compare_exchange(old, reinterpret_cast<std::uintptr_t>(&b), order::acq_rel))
                return true;
            b.waiting.store(nullptr, order::relaxed);
            if (old != woken) port::panic("two tasks wait for one waker");
            waker_.state_.exchange(empty, order::acquire);
            return finish_now(b, then);
        }
        result<void> await_resume() noexcept {
            if (cancelled_) return failure(errc::cancelled);
            // The wake that ended the wait is consumed; one that came later stays.
            if (owner) waker_.consume();
            return {};
        }

      private:
        static void cancel(leaf& self) noexcept {
            auto& w = static_cast<wait_operation&>(self);
            std::uintptr_t old = reinterpret_cast<std::uintptr_t>(w.owner);
            if (!w.waker_.state_.compare_exchange(old, empty, order::acq_rel))
                return; // woken: the branch is on its way
            w.cancelled_ = true;
            w.owner->post();
        }
        static constexpr leaf_kind waiting{"waker", &cancel};

        waker& waker_;
        bool cancelled_ = false;
    };

    // Waits for wake(). Yields errc::cancelled if a stop came first. Resumes on the home executor. A second waiter at the
    // same time is a mistake, and panics. No allocation.
    wait_operation wait() noexcept { return wait_operation(*this); }

  private:
    static constexpr std::uintptr_t empty = 0;
    static constexpr std::uintptr_t woken = 1;
    void consume() noexcept { reset(); }

    atomic<std::uintptr_t> state_{empty}; // empty, woken, or the branch that waits
};

} // namespace weft
