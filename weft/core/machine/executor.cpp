#include <weft/core/machine/executor.hpp>

#include <weft/core/machine/operand.hpp>
#include <weft/core/machine/scope_base.hpp>
#include <weft/core/machine/steal_deque.hpp>

namespace weft {

namespace {

// Of the branches that may go ahead of their queue, one in so many goes to its back, and the queue gets its turn.
constexpr std::uint32_t turns_ahead = 16;
// Of the turns, while operands or forked children wait to be begun, one in so many is the queue's.
constexpr std::uint32_t stealable_turns = 8;
// A branch that has used up its credit while operands wait goes on before them, so that a tree of operands is worked
// through depth first, and no more branches are begun than have to be. One time in so many the first of the queue has a
// turn in between; and one in so many an operand is begun, in case that the branch never ends.
constexpr std::uint32_t credits_a_turn = 4;
constexpr std::uint32_t credits_an_operand = 256;

// Each into its queue.
void push_all(job* oldest) noexcept {
    while (oldest) {
        job* rest = oldest->next;
        oldest->home().push(*oldest);
        oldest = rest;
    }
}

} // namespace

void link_marker(continuation*) noexcept {}
void message_marker(continuation*) noexcept {}

executor::executor(ready_level* levels, std::size_t count) noexcept
    : levels_(levels), count_(static_cast<std::uint32_t>(count)), map_(&own_map_),
      finisher_{{&finish, &link_marker}, this}, deferrer_{{&defer, &link_marker}, this} {
    if (count == 0 || count > max_levels) port::panic("an executor has 1 to 32 levels");
    for (std::uint32_t i = 0; i < count_; ++i) {
        levels_[i].owner = this;
        levels_[i].bit = one_hart || count_ == 1 ? 0 : std::uint32_t{1} << i;
    }
}

void executor::finish(continuation* self) {
    executor& here = *static_cast<own_continuation*>(self)->here;
    auto& b = static_cast<branch&>(*here.running_);
    b.scope->child_succeeded(b, here);
}

void executor::defer(continuation* self) {
    executor& here = *static_cast<own_continuation*>(self)->here;
    auto& b = static_cast<branch&>(*here.running_);
    b.refill();
    if (!here.has_stealable) return here.push_next(b);
    ready_level& q = *here.levels_;
    job** at = &q.head;
    here.queue_turns_ = 1;
    if (++here.ahead_ % credits_an_operand == 0) {
        here.queue_turns_ = 0;
        here.stealable_turns_ = stealable_turns - 2; // one, and then the queue
    } else if (here.ahead_ % credits_a_turn == 0 && q.head) {
        here.queue_turns_ = 2;
        at = &q.head->next;
    }
    b.next = *at;
    *at = &b;
    if (!b.next) q.tail = &b.next;
}

void executor::give_back_spare() noexcept {
    while (branch* b = spare_) {
        spare_ = static_cast<branch*>(b->next);
        port::free_branch(b);
    }
}

void executor::post_remote(job& first, job& last) noexcept {
    if constexpr (one_hart) return first.home().push(first); // no chains: they are for work sharing
    job* old = remote_.load(order::relaxed);
    do {
        first.next = old == asleep() ? nullptr : old;
        // acq_rel: the ring must not be decided on an older value than the one replaced.
    } while (!remote_.compare_exchange(old, &last, order::acq_rel));
    if (old == asleep()) port::ring(*this);
}

void executor::take_remote() noexcept {
    job* newest = remote_.exchange(nullptr, order::acquire);
    if (newest == asleep()) return;
    job* oldest = nullptr; // the stack holds the newest first: turn it round
    while (newest) {
        job* rest = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = rest;
    }
    push_all(oldest);
}

void executor::push_next(job& j) noexcept {
    ready_level& q = j.home();
    if (!q.head || ++ahead_ % turns_ahead == 0) {
        q.push(j);
        return;
    }
    queue_section section; // an interrupt may add to its other end
    j.next = q.head;
    q.head = &j;
}

void executor::push_ahead(job& j) noexcept {
    ready_level& q = j.home();
    if (!has_stealable) return q.push(j);
    ++queue_turns_;
    if (!q.head) return q.push(j);
    j.next = q.head;
    q.head = &j;
}

// Of several levels; nullptr if all are empty.
ready_level* executor::first_ready() const noexcept {
    if constexpr (one_hart) {
        for (std::uint32_t i = 0; i < count_; ++i)
            if (levels_[i].head) return levels_ + i;
        return nullptr;
    }
    return *map_ ? levels_ + __builtin_ctz(*map_) : nullptr;
}

template <bool several_levels> void executor::run_ready(std::size_t budget) {
    ready_level* q = levels_;
    for (; budget; --budget) {
        if constexpr (several_levels) {
            q = first_ready();
            if (!q) return;
        } else if (has_stealable) [[unlikely]] {
            if (run_stealable()) continue;
        }
        job* j;
        {
            queue_section section;
            j = q->pop<several_levels>();
        }
        if (!j) return;
        give_turn(*j);
    }
}

// Begins the newest of the stealable. False: it is the queue's turn, or there is none.
bool executor::run_stealable() {
    if (levels_->head) {
        if (queue_turns_ != 0) {
            --queue_turns_;
            return false;
        }
        if (++stealable_turns_ % stealable_turns == 0) return false;
    }
    continuation* f = stealable->pop();
    if (!f) {
        has_stealable = false;
        queue_turns_ = 0;
        return false;
    }
    scope_base::begin_stealable(*f, *this);
    return true;
}

void executor::run_stolen(continuation& f) {
    scope_base::begin_stealable(f, *this);
    running_ = nullptr;
}

bool executor::reserve_branch() noexcept {
    if (spare_) return true;
    auto* b = static_cast<branch*>(port::allocate_branch());
    if (!b) return false;
    b->refill();
    b->pins_ = 0;
    b->next = nullptr;
    spare_ = b;
    return true;
}

bool executor::run(std::size_t budget) {
    if constexpr (!one_hart)
        if (remote_.load(order::relaxed)) take_remote();
    if (count_ == 1)
        run_ready<false>(budget);
    else
        run_ready<true>(budget);
    running_ = nullptr;
    return has_ready();
}

bool executor::prepare_idle() noexcept {
    if (has_ready()) return false;
    job* none = nullptr;
    return remote_.compare_exchange(none, asleep(), order::acq_rel);
}

bool executor::finish_idle() noexcept {
    job* old = asleep();
    return !remote_.compare_exchange(old, nullptr, order::acq_rel);
}

job* executor::take_surplus(std::size_t most) noexcept {
    ready_level* q = count_ == 1 ? levels_ : first_ready();
    if (!q) return nullptr;
    // Every other branch is taken, so that both halves keep their order and their age.
    job* oldest = nullptr;
    job** end = &oldest;
    bool keep = true;
    for (job** at = &q->head; *at && most;) {
        job* j = *at;
        bool movable =
            !keep && j->target->destroy != &message_marker && !static_cast<branch*>(j)->is_pinned();
        keep = !keep;
        if (!movable) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        if (q->tail == &j->next) q->tail = at;
        auto& b = static_cast<branch&>(*j);
        b.scope->let_go(b);
        *end = j;
        end = &j->next;
        --most;
    }
    *end = nullptr;
    if (!q->head && q->bit) *map_ &= ~q->bit;
    return oldest;
}

void executor::adopt(job* oldest) noexcept {
    for (job* j = oldest; j; j = j->next) j->level.store(&level(j->home().priority()), order::relaxed);
    atomic_fence(order::seq_cst); // see scope_base::stop_step()
    push_all(oldest);
}

void branch::wake() noexcept {
    waiting.store(nullptr, order::relaxed);
    ready_level& queue = home();
    if (one_hart || port::current() == queue.owner)
        queue.push(*this);
    else
        queue.owner->post_remote(*this);
}

void branch::wake_ahead() noexcept {
    executor* here = port::current();
    if (home().owner != here || !here->has_stealable) return wake();
    waiting.store(nullptr, order::relaxed);
    here->push_ahead(*this);
}

branch* branch::make_shared(continuation& root, ready_level& queue, scope_base& in,
                            std::uint16_t flags) noexcept {
    void* slot = port::allocate_branch();
    if (!slot) return nullptr;
    auto* b = static_cast<branch*>(slot);
    b->init(root, queue, in, flags);
    b->refill();
    b->pins_ = 0;
    return b;
}

void branch::release() noexcept {
    ++generation;
    pins_ = 0; // on() pins for good
    port::free_branch(this);
}

} // namespace weft
