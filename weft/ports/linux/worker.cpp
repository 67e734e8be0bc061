#include <weft/ports/linux/worker.hpp>

#include <algorithm>

#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/sys_thread.hpp>

namespace weft {

namespace {

[[gnu::tls_model("initial-exec")]] constinit thread_local executor* here = nullptr;

// A worker that shares looks for idle colleagues after so many jobs; while there is one, after each, since the job that
// comes next may be a long one, and the ones behind it could run elsewhere meanwhile.
constexpr std::size_t share_batch = 4;
constexpr std::size_t share_at_most = 64;
// While jobs are ready: see worker::turn().
constexpr std::uint32_t turns_between_polls = 8;
constexpr std::int64_t nanoseconds_between_polls = 20'000;
// Nanoseconds. Less than what the kernel is late by when it wakes a thread, which is 50 microseconds and more.
constexpr std::int64_t rest_after_a_timer = 1'000;

} // namespace

worker::worker(std::size_t levels)
    : level_memory(levels < 1            ? 1
                   : levels > max_levels ? max_levels
                                         : levels),
      executor(level_memory::levels.get(), levels < 1            ? 1
                                           : levels > max_levels ? max_levels
                                                                 : levels),
      timers_(port::now()) {
    if (levels <= 1) forks = &own_forks_;
}

worker::~worker() = default;

void worker::open(std::unique_ptr<backend> io) noexcept {
    io_ = std::move(io);
    here = this;
}

void worker::close() noexcept {
    here = nullptr;
    give_back_spare();
    for (unsigned spins = 0; rings_received_.load(order::acquire) != rings_owed_; ++spins) port::relax(spins);
}

void worker::drop_io() noexcept { io_.reset(); }

void worker::join(worker_team& team, std::size_t index) noexcept {
    team_ = &team;
    bit_ = std::uint64_t{1} << index;
    if (!sys::can_fence_threads())
        forks = nullptr; // nobody could steal: operands are shared as ready branches are
    team.members[index] = this;
    if (team.count <= index) team.count = index + 1;
}

void worker::knock() noexcept {
    if (parking_.exchange(rung, order::acq_rel) == parked)
        sys::wake_waiter(parking_);
    else
        io_->ring();
}

void worker::ring_from_outside() noexcept {
    knock();
    rings_received_.fetch_add(1, order::release); // the last that this thread does to the worker
}

bool worker::turn() {
    bool more = team_ ? run_and_share() || steal() : run(jobs_a_turn_);
    std::int64_t now = 0;
    if (!timers_.empty()) {
        now = port::now();
        if (now >= timers_at_ && fire_timers(now)) more = true;
    }
    if (more) {
        if (!io_->idle() && time_to_poll(now)) io_->poll(0);
    }
    return more;
}

void worker::sleep() noexcept {
    turns_since_poll_ = 0;
    polled_at_ = 0;
    // Whoever has work to give away finds the bit at the next of its own batches. Nothing depends on when: a branch is
    // always in the queue of a worker that is awake, or was handed over by post_remote(), which wakes.
    if (team_) team_->idle.fetch_or(bit_, order::acq_rel);
    if (!io_->needs_no_poll())
        sleep_in(false);
    else if (begin_to_park()) {
        sleep_in(true);
        parking_.exchange(awake, order::acq_rel);
    }
    if (team_ && team_->idle.load(order::relaxed) & bit_) team_->idle.fetch_and(~bit_, order::acq_rel);
}

void worker::sleep_in(bool own_word) noexcept {
    if (!prepare_idle()) return;
    std::int64_t deadline = std::max(timers_.next_deadline(), timers_at_);
    if (own_word)
        sys::wait_on(parking_, parked, deadline);
    else
        io_->poll(deadline);
    if (finish_idle()) ++rings_owed_;
}

// A worker without I/O sleeps on a word of its own: waking it costs the kernel less than a bell that stands in a ring.
//
// No wake is lost. The worker writes `parked` before prepare_idle() publishes that it sleeps; so whoever rings because of
// that finds `parked`, or that another has replaced it by `rung` and is about to wake the word. The kernel compares before
// it puts the worker to sleep, so a `rung` that comes in between ends the wait as well. A knock at a worker that is awake,
// or that polls, leaves `rung` behind and rings the back-end: whichever of the two places the worker goes to next, it does
// not stay. If it goes here, it takes the `rung` away and looks round once more, and sees what came before the knock.
bool worker::begin_to_park() noexcept {
    std::uint32_t found = awake;
    if (parking_.compare_exchange(found, parked, order::acq_rel)) return true;
    parking_.exchange(awake, order::acq_rel);
    return false;
}

// About as many timers as jobs: what they wake should run while its memory is near. Where they are dense, each that fired
// lets the next ones wait a little for each other: a turn for each would cost several times as much.
bool worker::fire_timers(std::int64_t now) noexcept {
    std::size_t fired = timers_.advance(now, batch);
    timers_at_ = fired < batch ? now + static_cast<std::int64_t>(fired) * rest_after_a_timer : now;
    return fired != 0;
}

bool worker::time_to_poll(std::int64_t now) noexcept {
    if (++turns_since_poll_ < turns_between_polls) {
        if (now == 0) now = port::now();
        if (polled_at_ == 0) polled_at_ = now; // the first busy turn after a sleep
        if (now - polled_at_ < nanoseconds_between_polls) return false;
    }
    turns_since_poll_ = 0;
    polled_at_ = now;
    return true;
}

bool worker::run_and_share() {
    bool more = true;
    for (std::size_t done = 0; more && done < batch;) {
        std::size_t part = team_->idle.load(order::relaxed) ? 1 : share_batch;
        more = run(part);
        done += part;
        if (more && team_->idle.load(order::relaxed)) share();
    }
    return more;
}

// Sharing is started by the one who has nothing to do, and done by the one who has: each worker's queue is its own, and
// only the home of a ready branch moves it, so that queues need no atomics. The idle worker says so by its bit; whoever
// takes the bit away sends it up to half of what is ready. The bit is taken after the branches were found, so that it is
// never taken in vain. It may be taken just when its owner has woken up by itself: then a busy worker gets work, which
// it shares in turn if it has too much.
void worker::share() noexcept {
    std::uint64_t idle = team_->idle.load(order::relaxed) & ~bit_;
    if (idle && forks && !forks->empty()) {
        auto index = static_cast<unsigned>(__builtin_ctzll(idle));
        std::uint64_t bit = std::uint64_t{1} << index;
        if (team_->idle.fetch_and(~bit, order::acq_rel) & bit) team_->members[index]->knock();
        return;
    }
    while (idle) {
        auto index = static_cast<unsigned>(__builtin_ctzll(idle));
        std::uint64_t bit = std::uint64_t{1} << index;
        idle &= ~bit;
        job* first;
        job* last;
        if (take_surplus(share_at_most, first, last) == 0) return;
        executor* receiver = team_->members[index];
        // Somebody else was faster: the branches come back to the end of the own queue.
        if (!(team_->idle.fetch_and(~bit, order::acq_rel) & bit)) receiver = this;
        if (receiver != this) {
            for (job* j = last;; j = j->next) {
                std::uint32_t priority =
                    j->home().bit ? static_cast<std::uint32_t>(__builtin_ctz(j->home().bit)) : 0;
                j->level.store(&receiver->level(priority), order::relaxed);
                if (j == first) break;
            }
        }
        receiver->post_remote(*first, *last);
    }
}

// The oldest operand of a colleague's: the largest, as a rule.
bool worker::steal() {
    for (std::size_t i = 0; i < team_->count; ++i) {
        std::size_t index = (victim_ + i) % team_->count;
        worker* victim = team_->members[index];
        if (victim == this || !victim->forks) continue;
        std::size_t found = victim->forks->look();
        if (found == fork_deque::nothing || !reserve_branch()) continue;
        sys::fence_threads();
        if (fork_base* f = victim->forks->take(found)) {
            victim_ = index;
            run_stolen(*f);
            return true;
        }
    }
    return false;
}

worker& this_worker() noexcept {
    if (!here) port::panic("this needs a worker: it was called outside of a task");
    return static_cast<worker&>(*here);
}

backend& backend_of(executor& e) noexcept { return static_cast<worker&>(e).io(); }

namespace port {

std::int64_t now() noexcept { return sys::monotonic_now(); }
executor* current() noexcept { return here; }
void ring(executor& sleeper) noexcept { static_cast<worker&>(sleeper).ring_from_outside(); }
void insert_timer(executor& home, timer& t) noexcept { static_cast<worker&>(home).timers().insert(t); }
void remove_timer(executor& home, timer& t) noexcept { static_cast<worker&>(home).timers().remove(t); }

void relax(unsigned spins) noexcept {
    if (spins < 100)
        sys::pause();
    else
        sys::yield_thread();
}

std::uintptr_t lock() noexcept { return 0; }
void unlock(std::uintptr_t) noexcept {}
std::size_t choose(std::size_t) noexcept { return 0; }

void panic(const char* why) noexcept {
    std::size_t length = __builtin_strlen(why);
    sys::write_stderr("weft: ", 6);
    sys::write_stderr(why, length);
    sys::write_stderr("\n", 1);
    sys::abort();
}

} // namespace port
} // namespace weft
