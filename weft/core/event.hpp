// event and auto_event: tell waiting tasks that something has happened.
#pragma once

#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>

namespace weft {

namespace detail {

// What both events share: wait().
template <class Event, class Lock> class event_base {
  public:
    class wait_operation;

    constexpr event_base() noexcept = default;
    event_base(const event_base&) = delete;
    event_base& operator=(const event_base&) = delete;

    // Waits for set(). Yields errc::cancelled if a stop came first; one that comes after set() has let this waiter go
    // changes nothing. Resumes on the home executor, within the same turn if the event is set.
    wait_operation wait() noexcept { return wait_operation(static_cast<Event&>(*this)); }

    // Forgets a set() that nobody has waited for.
    void reset() noexcept {
        lock_guard section(lock_);
        set_ = false;
    }
    // A moment's truth.
    bool is_set() const noexcept {
        lock_guard section(lock_);
        return set_;
    }

  protected:
    template <class, class> friend class weft::queued_operation;

    [[no_unique_address]] mutable Lock lock_;
    bool set_ = false;
    wait_queue<Lock> queue_;
};

template <class Event, class Lock>
class [[nodiscard("co_await it")]] event_base<Event, Lock>::wait_operation
    : public queued_operation<typename event_base<Event, Lock>::wait_operation> {
    using base = queued_operation<wait_operation>;

  public:
    using lock_type = Lock;
    explicit wait_operation(Event& e) noexcept : base(waiting), event_(e) {}

    result<void> await_resume() const noexcept {
        if (this->was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    friend base;
    event_base& subject() noexcept { return event_; }
    wait_queue<Lock>& queue() noexcept { return event_.queue_; }
    bool attempt(branch&, waiter_list&) noexcept {
        bool was_set = event_.set_;
        if (Event::resets_itself) event_.set_ = false;
        return was_set;
    }
    static constexpr leaf_kind waiting{"event", &base::cancel};

    event_base& event_;
};

} // namespace detail

// Manual reset: set() lets all waiters go, and all that come, until reset().
//
// What was written before set() is seen after the wait() that it ends. event: wait() in tasks on any executor, the
// rest from any thread or interrupt. local::event: for a program with one executor, in tasks only; no atomics. Must
// outlive its waits; the last waiter may destroy it as soon as it goes on. No allocation.
template <class Lock> class basic_event : public detail::event_base<basic_event<Lock>, Lock> {
  public:
    static constexpr bool resets_itself = false;

    // Waiters go on in the order in which they came.
    void set() noexcept {
        this->lock_.lock();
        this->set_ = true;
        waiter* all = this->queue_.take_all();
        this->lock_.unlock();
        wait_queue<Lock>::resume_all(all);
    }
};

// Auto reset: set() lets one waiter go, the one that has waited longest; without one, the next that comes. A second
// set() in between adds nothing. Otherwise as event.
template <class Lock> class basic_auto_event : public detail::event_base<basic_auto_event<Lock>, Lock> {
  public:
    static constexpr bool resets_itself = true;

    void set() noexcept {
        this->lock_.lock();
        waiter* first = this->queue_.pop();
        if (!first) this->set_ = true;
        this->lock_.unlock();
        if (first) wait_queue<Lock>::resume(*first);
    }
};

using event = basic_event<spin_lock>;
using auto_event = basic_auto_event<spin_lock>;
namespace local {
using event = basic_event<no_lock>;
using auto_event = basic_auto_event<no_lock>;
} // namespace local

} // namespace weft
