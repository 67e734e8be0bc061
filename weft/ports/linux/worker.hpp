// A worker: one thread's executor, timers and I/O back-end, and the loop that turns them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <weft/core/machine/team.hpp>
#include <weft/core/machine/timer_wheel.hpp>

namespace weft {

class backend;
class thread_pool;

namespace detail {

// The memory of the levels, as a base so that it stands before the executor.
struct level_memory {
    explicit level_memory(std::size_t count) : levels(new run_queue[count]) {}
    std::unique_ptr<run_queue[]> levels;
};

} // namespace detail

// Every executor of this port is a worker. All members are for the worker's own thread but where noted.
class worker : private detail::level_memory, public team_member {
  public:
    // With `levels` priorities (1 to executor::max_levels). Throws std::bad_alloc.
    explicit worker(std::size_t levels = 1);
    ~worker();

    // Makes the calling thread this worker's thread: it becomes port::current() there, until close(). The back-end
    // was made on the same thread.
    void open(std::unique_ptr<backend> io) noexcept;
    // The calling thread is nobody's worker any more. Only when nothing is left that could wake this worker. Waits until the
    // last thread that was just about to ring has done so.
    void close() noexcept;
    // Destroys the back-end, when nobody knocks any more. On the worker's own thread, or after its end.
    void drop_io() noexcept;
    bool is_open() const noexcept { return io_ != nullptr; }

    // One turn: a batch of ready jobs, due timers, finished I/O. True: there is more to do; false: sleep(), if what the
    // loop runs for has not come to its end. While jobs are ready and operations are in flight, the back-end is asked at
    // the latest after 512 jobs, and at the end of the first batch of 64 that ends 20 microseconds or more after the
    // last time. After n timers have fired, the next ones wait for n microseconds at most, so that a million of them that
    // are spread over a second do not take the whole of it.
    bool turn();
    // From now on a turn runs at most so many jobs, 1 or more. Not for workers of a team.
    void limit_turn(std::size_t jobs) noexcept { jobs_a_turn_ = jobs; }
    static constexpr std::size_t batch = 64;
    // Waits for the next timer, finished I/O, or a wake from elsewhere, and takes in finished I/O.
    void sleep() noexcept;

    // Ends a sleep, or the next one. From any thread, while the back-end exists.
    void knock() noexcept;

    timer_wheel& timers() noexcept { return timers_; }
    backend& io() noexcept { return *io_; }

    // Joins the team as member `index` before any of its workers turns. A worker of a team that has nothing to do takes
    // what others offer, and operands that wait to be begun. Offered are ready branches where jobs have taken half a
    // microsecond or more of late, or two where nobody is idle: for shorter ones the way to another core is dearer than
    // they are. So a long job keeps back at most what had seemed to be short, and the rest of the 64 that are offered.
    void join(weft::team& team, std::size_t index) noexcept;

    // The pool that blocking() uses in tasks of this worker; set by the runtime.
    thread_pool* blocking = nullptr;

    // For port::ring().
    void ring_from_outside() noexcept;

  private:
    enum : std::uint32_t { awake, parked, rung };

    void sleep_in(bool own_word) noexcept;
    bool begin_to_park() noexcept;
    bool run_and_offer();
    void offer() noexcept;
    bool time_to_poll(std::int64_t now) noexcept;
    bool fire_timers(std::int64_t now) noexcept;

    steal_deque own_stealable_;
    std::size_t jobs_a_turn_ = batch;
    timer_wheel timers_;
    std::unique_ptr<backend> io_;
    std::int64_t job_time_; // of late, in nanoseconds
    std::uint32_t turns_ = 0;
    std::int64_t timers_at_ = 0; // not looked at before
    std::int64_t polled_at_ = 0;
    std::uint32_t turns_since_poll_ = 0;
    // Every wake of a prepared sleep by post_remote() is followed by one ring. Counted on both ends, so that the worker
    // is not gone before a ring that is under way.
    std::uint32_t rings_owed_ = 0;
    atomic<std::uint32_t> rings_received_{0};
    atomic<std::uint32_t> parking_{awake}; // where it sleeps while its back-end is at rest
};

// The worker of the calling thread. Panics where there is none: outside of a task.
worker& this_worker() noexcept;

// The back-end of the worker that turns `e`. In its own context.
backend& backend_of(executor& e) noexcept;

} // namespace weft
