// The seam between a worker and what completes its I/O: by readiness, as epoll, or by completions, as io_uring.
#pragma once

#include <cstdint>
#include <memory>

#include <weft/core/result.hpp>
#include <weft/io/operation.hpp>
#include <weft/ports/host/lease_pool.hpp>

namespace weft {

class executor;
class thread_pool;

// Completes the operations of one worker, its home. All members are for the home thread but where noted; the thread
// that first submits or polls is the home. Destroyed on the home thread, or when idle: what is in flight then is
// cancelled and awaited, and resumes nobody.
class backend {
  public:
    virtual ~backend() {
        if (leases_) leases_->leave();
    }

    virtual const char* name() const noexcept = 0;

    // Starts the operation of a branch whose home this is; its outcome is 0 so far. False: done at once, the outcome stands in it, and nothing is
    // posted. True: its branch is posted in a later poll(), once. Nothing is ever refused for want of room: what does not
    // fit into the kernel's queues waits in a list.
    virtual bool submit(io_operation& op) noexcept = 0;

    // Asks an operation in flight to end. It is completed by a later poll() all the same, with whatever its outcome is.
    virtual void cancel(io_operation& op) noexcept = 0;

    // Completes what is finished, posting branches, and submits what was collected. If nothing was finished it waits
    // until `deadline` (nanoseconds of port::now()): 0 does not wait, timer_wheel::never has no limit. May return early.
    virtual void poll(std::int64_t deadline) noexcept = 0;

    // Ends a poll, also one that is just about to begin. Any thread, and signal handlers.
    virtual void ring() noexcept = 0;

    // Nothing is in flight.
    virtual bool idle() const noexcept = 0;

    // Nothing is in flight, and nothing is left to hand to the kernel or to take back: until the next submit() only ring()
    // could end a poll.
    virtual bool needs_no_poll() const noexcept = 0;

    // What the worker lends; made when first asked for. nullptr without memory.
    lease_pool* leases() noexcept {
        if (!leases_) leases_ = lease_pool::make();
        return leases_;
    }

  private:
    lease_pool* leases_ = nullptr;
};

struct backend_options {
    backend_options() noexcept {}

    // One of the host's, on Linux "uring", "epoll", "poll" or "select"; nullptr: what the variable WEFT_IO of the environment says, else the better one there is.
    const char* force = nullptr;
    // Where operations that a back-end cannot wait for are run. Outlives the back-end.
    thread_pool* pool = nullptr;
};

// The host's: a back-end for a worker. On Linux io_uring is probed once a process, by making a ring and asking for every
// operation that weft uses, and epoll taken where it is not to be had; what was chosen and why is logged once. Errors: invalid_argument for an unknown name, not_supported where the
// forced one is not to be had (the log says why), or what the kernel said.
result<std::unique_ptr<backend>> make_backend(const backend_options& options = backend_options());

// The back-end of the worker that turns `e`.
backend& backend_of(executor& e) noexcept;

} // namespace weft
