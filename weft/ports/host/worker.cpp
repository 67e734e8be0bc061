#include <weft/ports/host/worker.hpp>

#include <algorithm>
#include <utility>

#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/os.hpp>

namespace weft {

namespace {

[[gnu::tls_model("initial-exec")]] constinit thread_local executor* here = nullptr;

// A branch that moves to another core costs both together some hundreds of nanoseconds, with what its memory takes to follow.
// Only what is clearly longer is offered, see worker::join().
constexpr std::int64_t worth_taking = 500;
constexpr std::int64_t worth_offering = 2'000;
constexpr std::size_t offered_at_most = 64;
// Of the turns with short jobs, one in so many looks how long they are.
constexpr std::uint32_t turns_between_looks = 4;
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
      team_member(level_memory::levels.get(), levels < 1            ? 1
                                              : levels > max_levels ? max_levels
                                                                    : levels),
      timers_(port::now()), job_time_(worth_offering) {
    if (levels <= 1) stealable = &own_stealable_;
}

worker::~worker() = default;

void worker::open(std::unique_ptr<backend> io) noexcept {
    io_ = std::move(io);
    set_current(this);
}

void worker::close() noexcept {
    set_current(nullptr);
    branches.give_back_spare();
    for (unsigned spins = 0; rings_received_.load(order::acquire) != rings_owed_; ++spins) port::relax(spins);
}

void worker::drop_io() noexcept { io_.reset(); }

void worker::join(weft::team& team, std::size_t index) noexcept {
    team.fence = &sys::fence_threads;
    if (!sys::can_fence_threads())
        stealable = nullptr; // nobody could steal: operands are shared as ready branches are
    team_member::join(team, index);
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
    bool more = is_member() ? run_and_offer() || steal() : run(jobs_a_turn_);
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

bool worker::step(std::int64_t latest) {
    executor* before = set_current(this);
    bool more = turn();
    if (!more) sleep(latest);
    set_current(before);
    return more;
}

void worker::sleep(std::int64_t latest) noexcept {
    turns_since_poll_ = 0;
    polled_at_ = 0;
    if (is_member()) announce_sleep();
    // Operands that are kept are not looked at: their worker looks for sleepers after each of its jobs.
    if (is_member() && could_steal()) {
        // awake after all
    } else if (!io_->needs_no_poll()) {
        sleep_in(false, latest);
    } else if (begin_to_park()) {
        sleep_in(true, latest);
        parking_.exchange(awake, order::acq_rel);
    }
    if (is_member()) withdraw_sleep();
}

void worker::sleep_in(bool own_word, std::int64_t latest) noexcept {
    if (!prepare_idle()) return;
    std::int64_t deadline = std::min(std::max(timers_.next_deadline(), timers_at_), latest);
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

bool worker::run_and_offer() {
    if (has_offered()) take_back(); // nobody has wanted it for a turn: its own turn has come
    bool timed = job_time_ >= worth_taking || ++turns_ % turns_between_looks == 0;
    std::int64_t began = timed ? port::now() : 0;
    for (std::size_t done = 0; done < batch;) {
        std::size_t part = job_time_ >= worth_taking ? 1 : batch - done;
        if (!run(part)) return false;
        done += part;
        if (timed) {
            std::int64_t now = port::now();
            job_time_ = (job_time_ + (now - began) / static_cast<std::int64_t>(part)) / 2;
            began = now;
        }
        offer();
    }
    return true;
}

void worker::offer() noexcept {
    bool worth_it = job_time_ >= worth_offering || (job_time_ >= worth_taking && others_sleep());
    if (worth_it) offer_surplus(offered_at_most);
    if (!offers_anything()) return;
    if (team_member* sleeper = take_sleeper()) static_cast<worker*>(sleeper)->knock();
}

executor* set_current(executor* e) noexcept { return std::exchange(here, e); }

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
std::uint64_t random() noexcept { return sys::random(); }

void panic(const char* why) noexcept {
    std::size_t length = __builtin_strlen(why);
    sys::write_stderr("weft: ", 6);
    sys::write_stderr(why, length);
    sys::write_stderr("\n", 1);
    sys::abort();
}

} // namespace port
} // namespace weft
