// runtime: a number of worker threads that run tasks together.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <weft/core/on.hpp>
#include <weft/runtime/run_scope.hpp>

namespace weft {

enum class worker_mode {
    // A worker that has nothing to do is given ready tasks by those that have more than they can run at once, and steals
    // operands of when_all that nobody has begun.
    work_sharing,
    pinned, // a task stays on the worker where it was spawned: a thread a core, each with its own connections
};

struct runtime_options {
    runtime_options() noexcept {}

    // Worker threads, the one that calls run() among them: 1 to runtime::max_threads. 0: as many as the process has CPUs.
    std::size_t threads = 0;
    worker_mode mode = worker_mode::work_sharing;
    // Worker i runs on cpus[i] only; empty: the system decides. As many as there are threads.
    std::vector<std::size_t> cpus;
    // "uring", "epoll", "poll" or "select"; nullptr: what the variable WEFT_IO of the environment says, else the better one there is.
    const char* io = nullptr;
    // Levels of priority, 1 to executor::max_levels. One level costs nothing.
    std::size_t priorities = 1;
    // At most so many threads for blocking(), started when needed. 0: as many as the process has CPUs, but at least 4.
    std::size_t blocking_threads = 0;
    // At most so many threads for file operations that the I/O back-end cannot wait for.
    std::size_t file_threads = 4;
};

// Owns the workers; their threads live as long as a call of run(). Its members are for one thread at a time but where noted.
class runtime {
  public:
    static constexpr std::size_t max_threads = 64;

    // Throws std::invalid_argument with a sentence that says what is wrong with the options.
    explicit runtime(const runtime_options& options = runtime_options());
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    // Runs `t` on worker 0, which is the calling thread, and yields its outcome; exceptions come out. When `t` has ended,
    // whatever spawn_on() added is stopped and awaited; then the other threads end, and nothing is left. May be called
    // again. Throws std::system_error if a thread or the I/O back-end is not to be had, and std::logic_error in a task.
    template <class T> T run(task<T> t) {
        detail::run_of<T> scope(observer(), std::move(t));
        drive(scope, &detail::run_of<T>::start);
        return scope.take();
    }

    // Adds a task that runs on worker i and stays there, beside the main task: a service for the time of the run. In a
    // task of the running runtime or on any other thread, while run() goes on. Its value is dropped; an error that is no
    // errc::cancelled after a stop is logged; an exception stops everything and comes out of run(). errc::closed if nothing
    // runs, errc::invalid_argument if there is no such worker or the task is empty, errc::out_of_memory.
    template <class T> result<void> spawn_on(std::size_t i, task<T> t) {
        if (!t) return failure(task_access::why_not_begun(t));
        result<void> added = add(i, task_access::frame(t));
        if (added) task_access::release(t);
        return added;
    }

    // Asks everything that runs to stop; run() returns when all has ended. Without a run it does nothing. Any thread, no
    // signal handler.
    void request_stop() noexcept;

    std::size_t size() const noexcept;
    // For on(executor, task). From any thread; its tasks run while run() goes on.
    executor& worker(std::size_t i) noexcept;

  private:
    struct state;
    detail::run_scope::observer& observer() noexcept;
    void drive(detail::run_scope& scope, void (*start)(detail::run_scope&, run_queue&) noexcept);
    result<void> add(std::size_t i, continuation& frame);

    std::unique_ptr<state> state_;
};

} // namespace weft
