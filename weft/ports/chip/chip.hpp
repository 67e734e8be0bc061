// weft on a chip without an operating system: its executors, and what start-up code and interrupts call.
//
// The main executor runs in the thread, under everything. Others run in interrupts, each at a level of its own: a higher
// level preempts a lower one and the thread at once, and shares the stack with them. With a second hart (WEFT_HARTS=2 in
// CMake, for machines that have one) there is a further executor in that one's thread; levels and device interrupts are
// the first one's. What tasks on different harts share has to be of the kind for several threads, as on hosts.
#pragma once

#include <weft/core/machine/executor.hpp>
#include <weft/core/machine/scope_base.hpp>
#include <weft/core/machine/timer_heap.hpp>
#include <weft/ports/chip/machine.hpp>

namespace weft::chip {

struct root_slot;

// The scope of the root tasks of one executor. Tasks are spawned into it from every executor, and it never ends.
class root_scope : public scope_base {
  public:
    explicit root_scope(run_queue& level) noexcept : scope_base(kind_of_this) { open_root(level, true); }
    branch* adopt(continuation& frame, run_queue& level) noexcept { return new_remote_child(frame, level); }

  private:
    static disposition ended(scope_base&, branch& child, failure_cause* why) noexcept;
    static void cancel(leaf&) noexcept {}
    static constexpr scope_kind kind_of_this{{"root", &cancel}, &ended, nullptr};
};

// One executor with its timers. Lives for ever.
class executor : public weft::executor {
  public:
    explicit executor(unsigned level, unsigned hart = 0) noexcept;

    // 0: the thread; above: the interrupt level that it runs in.
    unsigned interrupt_level() const noexcept { return level_; }
    unsigned hart() const noexcept { return one_hart ? 0 : hart_; }
    // Of that level, for the machine.
    std::uint32_t interrupt() const noexcept { return interrupt_; }

    // Gives a turn to the next job that is ready. False: there is none, and interrupts are masked now, else let in.
    WEFT_INLINE inline bool turn() noexcept;
    // What turn() works through.
    run_queue& queue() noexcept { return only_level(); }
    // In the thread: waits for an interrupt, unless there is something to do.
    void sleep() noexcept;
    timer_heap timers;
    // An alarm has come: fires the timers when its turn comes. In interrupts, or masked.
    void post_alarm() noexcept;
    // It has been posted, and has not had its turn.
    bool alarm_posted() const noexcept { return alarm_posted_; }
    executor* next = nullptr; // of all executors of the hart, see executors()
    root_scope roots;

    // For spawn(): the place that the next frame or branch is for, and the root's frame that goes.
    root_slot* making = nullptr;
    std::size_t making_bytes = 0;
    void* leaving = nullptr;

    static constexpr std::size_t batch = 16;

  private:
    struct alarm_message : continuation {
        executor* owner;
    };
    static void hear_alarm(continuation* message) noexcept;

    unsigned level_;
    unsigned hart_;
    std::uint32_t interrupt_ = 0;
    volatile bool alarm_posted_ = false;
    job alarm_job_;
    alarm_message alarm_;
};

inline bool executor::turn() noexcept {
    machine::mask();
    job* j = queue().pop<false>();
    if (!j) return false;
    machine::unmask();
    give_turn(*j);
    return true;
}

// The executor of the first hart's thread. In an interrupt, current() of core/port.hpp is the executor that was interrupted,
// or nullptr where there are several harts.
executor& main_executor() noexcept;
// That of a hart's thread, by the hart's number. Its tasks run when that hart has begun, shortly after start() has
// returned; never on a machine that has no such hart.
executor& hart_executor(unsigned hart) noexcept;
// All that have been made for this hart, linked by `next`, the highest level first.
executor* executors(unsigned hart = machine::hart()) noexcept;

inline constexpr unsigned max_levels = 7;
// The executor in the interrupt of `level`, 1 to max_levels as far as the machine has them, made when first asked for.
executor& start_executor(void* storage, unsigned level) noexcept;
template <unsigned Level, unsigned Hart = 0> executor& executor_at() noexcept {
    static_assert(Hart < machine::harts, "WEFT_HARTS says how many there are");
    static_assert(Level == 0 || Hart == 0, "levels are the first hart's");
    if constexpr (Level == 0) {
        return Hart == 0 ? main_executor() : hart_executor(Hart);
    } else {
        alignas(executor) static unsigned char storage[sizeof(executor)];
        return start_executor(storage, Level);
    }
}

// The root that the task that runs descends from; nullptr where there is none. In tasks.
root_slot* running_root() noexcept;

// Prints each root task, what it waits for, and the lines of its awaits from the innermost out. Any context; a moment's
// picture if it is not masked.
void print_tasks() noexcept;

// Supplied by the firmware: spawns its first tasks. In the thread, on the main executor, before its loop runs.
void start();

// For machines: around what is called in a device's interrupt. With several harts whoever is woken there is handed in from
// outside, since the executor that was interrupted may be at its queue.
class interrupt_section {
  public:
    WEFT_INLINE inline interrupt_section() noexcept;
    WEFT_INLINE inline ~interrupt_section();
    interrupt_section(const interrupt_section&) = delete;
    interrupt_section& operator=(const interrupt_section&) = delete;

  private:
    executor* interrupted_ = nullptr;
};
executor* exchange_current(executor* now) noexcept;
inline interrupt_section::interrupt_section() noexcept {
    if constexpr (!one_hart) interrupted_ = exchange_current(nullptr);
}
inline interrupt_section::~interrupt_section() {
    if constexpr (!one_hart) exchange_current(interrupted_);
}

// In the alarm's interrupt.
void on_alarm() noexcept;
// The same in machine::sleep(), where nothing is interrupted. Called and left masked; lets interrupts in meanwhile.
void on_alarm_asleep() noexcept;
// In the interrupt of a level, masked.
void run_level(unsigned level) noexcept;
// The same for machines with one interrupt for all levels: runs those above what was interrupted, as far as they have
// something to do.
void run_above() noexcept;

} // namespace weft::chip

// For start-up code: prepares the machine, calls start(), and runs the main executor for good.
extern "C" [[noreturn, gnu::used]] void weft_start();
#if !defined(WEFT_ONE_HART)
// The same for the other harts, after machine::start_others().
extern "C" [[noreturn, gnu::used]] void weft_start_hart();
#endif
