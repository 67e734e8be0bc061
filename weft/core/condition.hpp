// condition: wait until something that a mutex guards has become true.
#pragma once

#include <weft/core/mutex.hpp>

namespace weft {

// Waiters are woken in the order in which they came; a woken one does not run before it has the mutex.
//
// condition: wait() in tasks on any executor, the rest from any thread or interrupt, with or without the mutex (who
// changes the state holds it at that moment). local::condition, for local::mutex: for a program with one executor, in
// tasks only; no atomics. Must outlive its waits. No allocation.
template <class Lock> class basic_condition {
  public:
    template <class F> class wait_operation;
    using mutex = basic_mutex<Lock>;

    constexpr basic_condition() noexcept = default;
    basic_condition(const basic_condition&) = delete;
    basic_condition& operator=(const basic_condition&) = delete;

    // Gives the mutex back and waits until a notification finds that predicate() is true.
    //
    //     auto held = co_await weft::ok(mutex.lock());
    //     co_await weft::ok(changed.wait(held, [&] { return !queue.empty(); }));
    //
    // The predicate runs in the waiter's home context with the mutex held, first of all before the wait, and must not
    // throw. It is a named object or a closure that captures references: GCC 12 destroys other closures twice.
    //
    // Yields a result<void>, and holds the mutex again whatever the result: it yields errc::cancelled if a stop came
    // while the predicate was false, after it has got the mutex back, which takes as long as others hold it. Resumes
    // on the home executor, within the same turn if the predicate is true at once.
    template <class F>
    wait_operation<F> wait(const typename basic_mutex<Lock>::guard& held, F&& predicate) noexcept {
        static_assert(std::is_lvalue_reference_v<F> || std::is_trivially_destructible_v<F>,
                      "name the predicate first: GCC 12 would destroy its captures twice");
        return wait_operation<F>(*this, *held.mutex(), predicate);
    }

    // One that waits gets the mutex and looks at its predicate.
    void notify_one() noexcept {
        lock_.lock();
        waiter* w = queue_.pop();
        if (w) static_cast<wait_base*>(w)->unnoticed = false;
        lock_.unlock();
        if (w) hand_on(*w);
    }
    // All that wait do, one after the other.
    void notify_all() noexcept {
        lock_.lock();
        waiter* all = queue_.take_all();
        lock_.unlock();
        for (waiter* w = all; w;) {
            waiter* rest = w->next;
            lock_.lock(); // a cancel may be looking at it
            static_cast<wait_base*>(w)->unnoticed = false;
            lock_.unlock();
            hand_on(*w);
            w = rest;
        }
    }

  private:
    struct wait_base : waiter {
        wait_base(const leaf_kind& k, mutex& m) noexcept : waiter(k), guarding(m) {}
        mutex& guarding;
        bool unnoticed = false; // it is in this queue or taken from it, and not in the mutex's
    };
    // From this queue to the mutex's, without a turn in between.
    static void hand_on(waiter& w) noexcept { static_cast<wait_base&>(w).guarding.lock_for(w); }

    [[no_unique_address]] Lock lock_;
    wait_queue<Lock> queue_;
};

template <class Lock>
template <class F>
class [[nodiscard("co_await it")]] basic_condition<Lock>::wait_operation
    : public operation<wait_operation<F>, typename basic_condition<Lock>::wait_base> {
    using base = operation<wait_operation<F>, wait_base>;

  public:
    wait_operation(basic_condition& c, mutex& m, F& predicate) noexcept
        : base(waiting, m), condition_(c), predicate_(static_cast<F&&>(predicate)), step_(*this) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) {
            cancelled_ = true;
            return this->yield(b, then);
        }
        if (predicate_()) return this->finish_now(b, then);
        step_.owner = &then;
        wait_for_notice(b);
        return true;
    }
    result<void> await_resume() const noexcept {
        if (cancelled_) return failure(errc::cancelled);
        return {};
    }

  private:
    // What is resumed in place of the awaiting frame: it looks at the predicate first.
    struct look : link {
        explicit look(wait_operation& w) noexcept : link(&has_mutex, nullptr), wait(w) {}
        wait_operation& wait;
    };

    // Queues before it unlocks, so that no notice is missed; between the two nobody can resume the branch, since
    // this wait has the mutex.
    void wait_for_notice(branch& b) noexcept {
        mutex& held = this->guarding;
        condition_.lock_.lock();
        this->suspend(b, step_);
        condition_.queue_.push(*this);
        this->unnoticed = true;
        condition_.lock_.unlock();
        held.unlock();
    }
    static void has_mutex(continuation* self) noexcept {
        auto& w = static_cast<look*>(self)->wait;
        if (!w.predicate_()) {
            if (!w.owner->stopping()) return w.wait_for_notice(*w.owner);
            w.cancelled_ = true;
        }
        w.step_.owner->handle().resume();
    }
    static void cancel(leaf& l) noexcept {
        auto& w = static_cast<wait_operation&>(l);
        w.condition_.lock_.lock();
        bool waited = w.unnoticed && w.condition_.queue_.remove(w);
        if (waited) w.unnoticed = false;
        w.condition_.lock_.unlock();
        if (waited) hand_on(w); // has_mutex() sees that the branch is stopping
    }
    static constexpr leaf_kind waiting{"condition", &cancel};

    basic_condition& condition_;
    F predicate_; // a reference, for a named one
    look step_;
    bool cancelled_ = false;
};

using condition = basic_condition<spin_lock>;
namespace local {
using condition = basic_condition<no_lock>;
}

} // namespace weft
