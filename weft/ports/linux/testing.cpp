// Runs the core's tests on the Linux port: a worker of its own for each run, on the calling thread.
#include <weft/core/sweep.hpp>
#include <weft/core/testing.hpp>

#include <optional>

#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/memory.hpp>
#include <weft/ports/linux/thread_pool.hpp>
#include <weft/ports/linux/worker.hpp>

namespace weft::testing {

namespace {

// Made when it is first needed, after the test has changed the environment or not.
thread_pool& file_pool() {
    static thread_pool pool(2, "weft-test-file");
    return pool;
}

std::optional<worker> the_worker;
std::size_t jobs_a_turn = worker::batch;

} // namespace

run_queue& begin() {
    the_worker.emplace();
    the_worker->limit_turn(jobs_a_turn);
    backend_options options;
    options.pool = &file_pool();
    auto io = make_backend(options);
    if (!io) port::panic(io.error().message());
    the_worker->open(std::move(*io));
    the_worker->blocking = &file_pool();
    return the_worker->level();
}

void turn(root_base& until) {
    if (!the_worker->turn() && !until.finished()) the_worker->sleep();
}

void end() {
    the_worker->close();
    the_worker->drop_io();
    the_worker.reset();
}

void limit_turn(std::size_t jobs) noexcept { jobs_a_turn = jobs ? jobs : worker::batch; }

void fail_allocation(std::size_t number) noexcept { memory::fail_allocation(number); }
std::size_t allocations() noexcept { return memory::allocations(); }
std::size_t live_objects() noexcept {
    memory::usage u = memory::measure();
    return u.live_frames + u.live_branches;
}

} // namespace weft::testing
