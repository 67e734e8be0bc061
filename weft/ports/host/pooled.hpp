// Operations that no back-end can wait for, done by threads of the pool and brought home.
#pragma once

#include <weft/core/atomic.hpp>
#include <weft/io/operation.hpp>
#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/thread_pool.hpp>

namespace weft {

// One back-end's share of the pool. All members are for the home thread. Two-phase as everything else: what no thread has
// begun is taken out, what runs is awaited.
class pooled_operations {
  public:
    // Without a pool, operations block the home thread.
    pooled_operations(thread_pool* pool, backend& home) noexcept : pool_(pool), home_(home) {}
    ~pooled_operations() { await_all(); }
    // Waits for everything that was submitted, so that nothing rings the home any more.
    void await_all() noexcept;

    // As backend::submit.
    bool submit(io_operation& op) noexcept;
    // As backend::cancel. True: it was taken out, and has its outcome; the caller posts.
    bool cancel(io_operation& op) noexcept;

    bool any_finished() const noexcept { return finished_.load(order::relaxed) != nullptr; }
    // Takes the operations that have their outcome, linked through next(); the newest first.
    io_operation* take_finished() noexcept;
    static io_operation* next(io_operation& finished) noexcept;

  private:
    struct node : pool_work {
        explicit node(pooled_operations& h) noexcept : pool_work(&run_on_pool), home(&h) {}
        pooled_operations* home;
    };
    static_assert(sizeof(node) <= sizeof(io_scratch));

    static node& node_of(io_operation& op) noexcept;
    static io_operation& operation_of(pool_work& w) noexcept;
    static void run_on_pool(pool_work& w) noexcept;

    thread_pool* pool_;
    backend& home_;
    atomic<pool_work*> finished_{nullptr};
    std::uint64_t submitted_ = 0;
    atomic<std::uint64_t> left_{0}; // threads that will not touch this any more, one an operation
};

} // namespace weft
