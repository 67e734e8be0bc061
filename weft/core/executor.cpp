#include <weft/core/executor.hpp>
#include <weft/core/scope_base.hpp>

namespace weft {

namespace {

// A branch may go ahead of the queue this many times in a row before the queue gets its turn.
constexpr std::uint32_t max_next_streak = 16;

} // namespace

void link_marker(continuation*) noexcept {}
void message_marker(continuation*) noexcept {}

executor::executor(ready_level* levels, std::size_t count) noexcept
    : levels_(levels), count_(static_cast<std::uint32_t>(count)), map_(&own_map_),
      reaper_{{&reap, &link_marker}}, failure_reaper_{{{&reap_failed, &link_marker}}, {}} {
    if (count == 0 || count > max_levels) port::panic("an executor has 1 to 32 levels");
    for (std::uint32_t i = 0; i < count_; ++i) {
        levels_[i].owner = this;
        levels_[i].bit = count_ == 1 ? 0 : std::uint32_t{1} << i;
    }
}

void executor::reap(continuation* self) {
    branch& b = *static_cast<reaper*>(self)->finished;
    b.scope->child_succeeded(b);
}

void executor::reap_failed(continuation* self) {
    auto& r = *static_cast<failure_reaper*>(self);
    branch& b = *r.finished;
    failure_cause why(std::exchange(r.why, failure_cause()));
    b.scope->child_ended(b, &why);
}

continuation* executor::finish_failed(branch& b, failure_cause why) noexcept {
    failure_reaper_.finished = &b;
    failure_reaper_.why = std::move(why);
    return &failure_reaper_;
}

void executor::give_back_spare() noexcept {
    while (branch* b = spare_) {
        spare_ = static_cast<branch*>(b->next);
        port::free_branch(b);
    }
}

void executor::post_remote(job& first, job& last) noexcept {
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
    while (oldest) {
        job* rest = oldest->next;
        oldest->home().push(*oldest);
        oldest = rest;
    }
}

void executor::push_next(job& j) noexcept {
    if (next_ || next_streak_ >= max_next_streak) {
        j.home().push(j);
        return;
    }
    next_ = &j;
}

inline job* executor::pop() noexcept {
    if (next_) {
        ++next_streak_;
        job* j = next_;
        next_ = nullptr;
        return j;
    }
    next_streak_ = 0;
    ready_level* q = levels_;
    if (count_ != 1) {
        if (*map_ == 0) return nullptr;
        q += __builtin_ctz(*map_);
    }
    job* j = q->head;
    if (!j) return nullptr;
    q->head = j->next;
    if (!q->head) {
        q->tail = &q->head;
        if (q->bit) *map_ &= ~q->bit;
    }
    return j;
}

bool executor::run(std::size_t budget) {
    if (remote_.load(order::relaxed)) take_remote();
    for (; budget; --budget) {
        job* j = pop();
        if (!j) break;
        running_ = j;
        j->target->handle().resume();
    }
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

std::size_t executor::take_surplus(std::size_t most, job*& first, job*& last) noexcept {
    ready_level* q = levels_;
    if (count_ != 1) {
        if (*map_ == 0) return 0;
        q += __builtin_ctz(*map_);
    }
    // Every other branch is taken, so that both halves keep their order and their age.
    std::size_t taken = 0;
    bool keep = true;
    first = last = nullptr;
    for (job** at = &q->head; *at && taken < most;) {
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
        j->next = last; // newest first, as post_remote wants it
        last = j;
        if (!first) first = j;
        ++taken;
    }
    if (!q->head && q->bit) *map_ &= ~q->bit;
    return taken;
}

std::coroutine_handle<> branch::defer(continuation* next) noexcept {
    refill();
    target = next;
    home().owner->push_next(*this);
    return std::noop_coroutine();
}

void branch::wake() noexcept {
    waiting.store(nullptr, order::relaxed);
    ready_level& queue = home();
    if (port::current() == queue.owner)
        queue.push(*this);
    else
        queue.owner->post_remote(*this);
}

branch* branch::make_shared(continuation& root, ready_level& queue, scope_base& in) noexcept {
    void* slot = port::allocate_branch();
    if (!slot) return nullptr;
    auto* b = static_cast<branch*>(slot);
    b->init(root, queue, in);
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
