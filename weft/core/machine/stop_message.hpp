// Stops that travel: between the executors that are home to a scope's children, and to one task from anywhere.
#pragma once

#include <cstdint>

#include <weft/core/machine/branch.hpp>

namespace weft {

// The stop of a scope on its way to another executor.
struct stop_message : job {
    struct arrival : continuation {
        scope_base* scope;
    };
    stop_message(scope_base& s, run_queue& queue, void (*arrives)(continuation*)) noexcept
        : arrived{{arrives, &message_marker}, &s} {
        target = &arrived;
        level.set_alone(&queue);
    }
    arrival arrived;
};

// A stop for one task, which is named by its branch's slot and generation, as a dump of tasks or a join handle knows them: so
// a task that has ended meanwhile is not taken for the next one in its slot. The slot's executor must be alive. A forked child
// that another worker has begun runs there in a branch of its own, and it is that one which has to be named.
class task_stop {
  public:
    enum class state : std::uint32_t { idle, travels, delivered, too_late };

    task_stop() noexcept : arrived_{{&arrive, &message_marker}, this} { message_.target = &arrived_; }
    task_stop(const task_stop&) = delete;
    task_stop& operator=(const task_stop&) = delete;

    // Asks the task to stop; does not wait. Any thread or interrupt. Outlives the journey: while is() is `travels` this must
    // not be destroyed nor sent again.
    void send(branch& slot, std::uint32_t generation) noexcept;
    // `delivered`: the task was alive and has been asked; what it does about it is its own affair. `too_late`: it had ended.
    // Any thread or interrupt.
    state is() const noexcept { return static_cast<state>(state_.load(order::acquire)); }

  private:
    struct arrival : continuation {
        task_stop* stop;
    };
    static void arrive(continuation* message);
    void step() noexcept;
    void end(state s) noexcept { state_.store(static_cast<std::uint32_t>(s), order::release); }

    branch* slot_ = nullptr;
    std::uint32_t generation_ = 0;
    atomic<std::uint32_t> state_{0};
    job message_;
    arrival arrived_;
};

} // namespace weft
