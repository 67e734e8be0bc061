// A bounded pool of threads for work that blocks: file operations under epoll, and blocking().
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace weft {

// A piece of work, embedded in whatever waits for it. From submit() until run() is called, or cancel() has yielded
// true, it belongs to the pool; run() may destroy it.
struct pool_work {
    explicit pool_work(void (*f)(pool_work&) noexcept) noexcept : run(f) {}
    pool_work(const pool_work&) = delete;
    pool_work& operator=(const pool_work&) = delete;

    pool_work* next = nullptr;
    pool_work** link = nullptr;       // nullptr: in no queue
    void (*run)(pool_work&) noexcept; // on a thread of the pool, which has no executor
};

// Threads start one by one, when work comes in and none is idle, up to the limit; then work waits, first in, first out.
// A thread that has found nothing to do for `idle_seconds` ends. All members are thread-safe, but for the destructor.
class thread_pool {
  public:
    static constexpr std::size_t max_threads = 1024;
    static constexpr int idle_seconds = 10;

    // At most `limit` threads (1 to max_threads; values outside are brought inside), called `name` (up to 15
    // characters) in debuggers and top.
    explicit thread_pool(std::size_t limit, const char* name = "weft-pool");
    // Finishes what is queued, then ends all threads. Nothing may be submitted any more.
    ~thread_pool();
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    // Never fails and never allocates but for starting a thread. Where the system refuses even the first thread, runs
    // the work at once on the caller's.
    void submit(pool_work& work) noexcept;
    // True: taken out of the queue, run() will not be called. False: it runs, or has run.
    bool cancel(pool_work& work) noexcept;

    std::size_t limit() const noexcept { return limit_; }
    std::size_t threads() const noexcept; // that exist now
    std::size_t queued() const noexcept;  // work that no thread has begun

  private:
    void serve() noexcept;
    bool start_thread() noexcept;
    void unlink(pool_work& work) noexcept;
    pool_work* take() noexcept;
    void reap(std::unique_lock<std::mutex>& held) noexcept;

    const std::size_t limit_;
    const char* const name_;
    mutable std::mutex guard_;
    std::condition_variable wake_;
    pool_work* head_ = nullptr;
    pool_work** tail_ = &head_;
    std::size_t queued_ = 0;
    std::size_t live_ = 0;
    std::size_t idle_ = 0;
    bool closing_ = false;
    std::vector<std::thread> threads_;      // room for `limit_`
    std::vector<std::thread::id> finished_; // ended by idleness, to be joined
};

} // namespace weft
