// The queue of waiting branches that all of core synchronisation shares: intrusive, first in, first out.
#pragma once

#include <type_traits>

#include <weft/core/leaf.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft {

// One wait in a queue. Lives in the awaiting frame.
struct waiter : leaf {
    using leaf::leaf;

    waiter* next;            // set in a queue
    waiter** link = nullptr; // what points to it; nullptr: in no queue
    std::uint32_t epoch;     // of the queue when it joined
};

// A list of waiters that are about to be resumed, in their order.
class waiter_list {
  public:
    void add(waiter& w) noexcept {
        w.next = nullptr;
        *tail_ = &w;
        tail_ = &w.next;
    }
    // In place of adding, in a list that has none: all that take_all() has yielded. Nothing is added after it.
    void take(waiter* all) noexcept { first_ = all; }
    waiter* first() const noexcept { return first_; }

  private:
    waiter* first_ = nullptr;
    waiter** tail_ = &first_;
};

// Holds no lock itself: whoever owns the queue guards it with a `Lock`, spin_lock or no_lock. O(1) throughout, however many
// wait.
//
// How a wait ends, so that nobody touches a frame that is gone: under the lock the waiter is taken out of the queue;
// from then on a cancel finds it in no queue and does nothing, and it stays suspended. So its outcome can be stored
// without the lock, and resume() comes last.
//
//     suspended --- push() ---> queued: link set, epoch the queue's --- pop(), remove() ---> out: link is nullptr
//                                   '------ take_all() ------> out: the queue's epoch has moved on
template <class Lock> class waiter_queue {
  public:
    constexpr waiter_queue() noexcept = default;
    waiter_queue(const waiter_queue&) = delete;
    waiter_queue& operator=(const waiter_queue&) = delete;
    bool empty() const noexcept { return head_ == nullptr; }
    waiter* front() const noexcept { return head_; }

    void push(waiter& w) noexcept {
        w.next = nullptr;
        w.link = tail_;
        w.epoch = epoch_;
        *tail_ = &w;
        tail_ = &w.next;
    }
    // The one that has waited longest; nullptr if nobody waits.
    waiter* pop() noexcept {
        waiter* w = head_;
        if (!w) return nullptr;
        head_ = w->next;
        if (head_)
            head_->link = &head_;
        else
            tail_ = &head_;
        w->link = nullptr;
        return w;
    }
    // Moves the first ones to `freed` for as long as admit(waiter&) lets them go. Under the lock, which is given back for a
    // moment after every few, so that nobody is locked out for longer because many wait; those that were moved still wait, and
    // keep what they wait for alive.
    template <class F> void pop_while(Lock& lock, waiter_list& freed, F admit) noexcept {
        for (unsigned moved = 1; head_ && admit(*head_); ++moved) {
            freed.add(*pop());
            if (moved % moved_at_once != 0) continue;
            lock.unlock();
            lock.lock();
        }
    }
    // False: it was taken out before.
    bool remove(waiter& w) noexcept {
        if (!w.link || w.epoch != epoch_) return false;
        unlink(w);
        return true;
    }
    // All that wait, linked by `next`.
    waiter* take_all() noexcept {
        waiter* all = head_;
        head_ = nullptr;
        tail_ = &head_;
        ++epoch_;
        return all;
    }

    // The waiter's outcome is stored: it goes on, on its home executor. Without the lock; the waiter may be gone
    // at once.
    static void resume(waiter& w) noexcept {
        if constexpr (std::is_same_v<Lock, no_lock>)
            w.owner->post();
        else
            w.owner->wake();
    }
    // The same for a list.
    static void resume_all(waiter* list) noexcept {
        while (list) {
            waiter* rest = list->next;
            resume(*list);
            list = rest;
        }
    }

  private:
    static constexpr unsigned moved_at_once = 4;

    void unlink(waiter& w) noexcept {
        *w.link = w.next;
        if (w.next)
            w.next->link = w.link;
        else
            tail_ = w.link;
        w.link = nullptr;
    }

    waiter* head_ = nullptr;
    waiter** tail_ = &head_;
    std::uint32_t epoch_ = 0; // counts the calls of take_all()
};

inline constexpr bool has_end_of_program = __STDC_HOSTED__;

// The queue of a primitive, in which tasks wait.
template <class Lock> class wait_queue : public waiter_queue<Lock> {
  public:
    constexpr wait_queue() noexcept = default;
    // In every build of a host. On a chip what waits for ever may be an object of static storage, and those have no destructors
    // there: there is no end of the program to call them at.
    constexpr ~wait_queue()
        requires(!has_end_of_program)
    = default;
    constexpr ~wait_queue() {
        if (!this->empty())
            port::panic("a mutex, event, channel or other primitive was destroyed while a task waits for it");
    }
};

// Base of the operations that wait in one queue of a primitive (CRTP). The primitive has `lock_`, and befriends it;
// Self has
//
//     using lock_type = …;
//     primitive& subject();                     // the one with the lock
//     wait_queue<lock_type>& queue();
//     bool attempt(branch&, waiter_list& freed); // under the lock; true: no need to wait
//     void withdrawn(waiter_list& freed);       // under the lock; a stop has taken this wait out of the queue
//
// Waiters in `freed` are resumed when the lock is given back.
template <class Self, class Base = waiter> class queued_operation : public operation<Self, Base> {
  public:
    using operation<Self, Base>::operation;

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            cancelled_ = true;
            return this->yield(b, then);
        }
        Self& self = static_cast<Self&>(*this);
        auto& lock = self.subject().lock_;
        waiter_list freed;
        lock.lock();
        if (self.attempt(b, freed)) {
            lock.unlock();
            wait_queue<typename Self::lock_type>::resume_all(freed.first());
            return this->finish_now(b, then);
        }
        this->suspend(b, then);
        self.queue().push(*this);
        lock.unlock();
        return true;
    }

  protected:
    bool was_cancelled() const noexcept { return cancelled_; }
    void withdrawn(waiter_list&) noexcept {}

    static void cancel(leaf& l) noexcept {
        Self& self = static_cast<Self&>(l);
        auto& lock = self.subject().lock_;
        waiter_list freed;
        lock.lock();
        bool waiting = self.queue().remove(self);
        if (waiting) self.withdrawn(freed);
        lock.unlock();
        if (!waiting) return; // its wake is on the way
        self.cancelled_ = true;
        wait_queue<typename Self::lock_type>::resume_all(freed.first());
        self.owner->post();
    }

  private:
    bool cancelled_ = false;
};

} // namespace weft
