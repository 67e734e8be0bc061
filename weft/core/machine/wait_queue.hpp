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
};

// Holds no lock itself: whoever owns the queue guards it with a `Lock`, spin_lock or no_lock. O(1) throughout.
//
// How a wait ends, so that nobody touches a frame that is gone: under the lock the waiter is taken out of the queue;
// from then on a cancel finds it in no queue and does nothing, and it stays suspended. So its outcome can be stored
// without the lock, and resume() comes last.
template <class Lock> class wait_queue {
  public:
    constexpr wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;

    bool empty() const noexcept { return head_ == nullptr; }
    waiter* front() const noexcept { return head_; }

    void push(waiter& w) noexcept {
        w.next = nullptr;
        w.link = tail_;
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
    // False: it was taken out before.
    bool remove(waiter& w) noexcept {
        if (!w.link) return false;
        unlink(w);
        return true;
    }
    // All that wait, linked by `next`.
    waiter* take_all() noexcept {
        waiter* all = head_;
        for (waiter* w = all; w; w = w->next) w->link = nullptr;
        head_ = nullptr;
        tail_ = &head_;
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
};

// A list of waiters that are about to be resumed, in their order.
class waiter_list {
  public:
    void add(waiter& w) noexcept {
        w.next = nullptr;
        *tail_ = &w;
        tail_ = &w.next;
    }
    waiter* first() const noexcept { return first_; }

  private:
    waiter* first_ = nullptr;
    waiter** tail_ = &first_;
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
