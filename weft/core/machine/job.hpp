// A job: whatever can stand in a ready queue. A branch is one, and so is a message to another executor.
#pragma once

#include <weft/core/atomic.hpp>
#include <weft/core/machine/continuation.hpp>

namespace weft {

class run_queue;

struct job {
    // The next in the same run queue, inbox or chain; a job stands in one of them at most, and that one alone writes it.
    job* next = nullptr;
    continuation* target = nullptr; // resumed when its turn comes
    // The queue it belongs to, and through it the home executor. Changed while the job is ready, by the home or by an executor
    // that adopts what the home has taken out of its queue.
    atomic<run_queue*> level{nullptr};

    WEFT_INLINE run_queue& home() const noexcept { return *level.load(order::relaxed); }
    // A message has no branch, and stays on the executor that it was sent to.
    // Of a branch whose frame is gone, and that keeps an error, the target is nullptr.
    bool is_message() const noexcept { return target && target->destroy == &message_marker; }
};

} // namespace weft
