// The loops and the clockwork of a port without an operating system.
#include <weft/ports/chip/chip.hpp>

#include <new>
#include <utility>

#include <weft/core/machine/split_mix.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/shared_section.hpp>

namespace weft {

namespace chip {

namespace {

// Of each hart.
alignas(executor) unsigned char main_storage[machine::harts][sizeof(executor)];
executor* first[machine::harts];
executor* running_on[machine::harts];
// By level; with one hart, in place of the main one, which everybody finds, the one that runs: so both have one address.
executor* at_level[max_levels + 1];

WEFT_INLINE inline executor*& running() noexcept {
    if constexpr (one_hart) return at_level[0];
    return running_on[machine::hart()];
}

// The alarm stands at the earliest deadline of those executors that have not been told of theirs.
void arrange_alarm() noexcept {
    std::int64_t earliest = machine::no_alarm;
    for (executor* e = executors(); e; e = e->next)
        if (!e->alarm_posted() && e->timers.next_deadline() < earliest) earliest = e->timers.next_deadline();
    machine::set_alarm(earliest);
}

[[gnu::noinline]] void rearrange_alarm() noexcept {
    std::uintptr_t saved = port::lock();
    arrange_alarm();
    port::unlock(saved);
}

} // namespace

executor& main_executor() noexcept { return *std::launder(reinterpret_cast<executor*>(main_storage[0])); }
executor& hart_executor(unsigned hart) noexcept {
    if (hart >= machine::harts) port::panic("no such hart");
    return *std::launder(reinterpret_cast<executor*>(main_storage[hart]));
}
executor* executors(unsigned hart) noexcept { return first[hart]; }
executor* exchange_current(executor* now) noexcept { return std::exchange(running(), now); }

executor::executor(unsigned level, unsigned hart) noexcept
    : roots(weft::executor::level()), level_(level), hart_(hart),
      alarm_{{&hear_alarm, &message_marker}, this} {
    alarm_job_.target = &alarm_;
    alarm_job_.level.set_alone(&weft::executor::level());
    if constexpr (one_hart) {
        if (level) queue().bit = interrupt_ = machine::interrupt_of(level);
    } else if (level || hart) {
        (void)prepare_idle(); // until it is rung for the first time
    }
}

void executor::post_alarm() noexcept {
    alarm_posted_ = true;
    if constexpr (one_hart)
        weft::executor::level().push(alarm_job_);
    else
        post_remote(alarm_job_);
}

void executor::hear_alarm(continuation* message) noexcept {
    executor& e = *static_cast<alarm_message*>(message)->owner;
    e.alarm_posted_ = false;
    e.timers.advance(machine::now());
    rearrange_alarm();
}

void executor::sleep() noexcept {
    machine::mask();
    if constexpr (one_hart) {
        if (!has_ready()) machine::sleep();
    } else if (prepare_idle()) {
        machine::sleep();
        finish_idle();
    }
    machine::unmask();
}

executor& start_executor(void* storage, unsigned level) noexcept {
    if (level == 0 || level > max_levels || level > machine::levels) port::panic("no such executor level");
    shared_section section;
    if (!at_level[level]) {
        at_level[level] = new (storage) executor(level);
        executor** at = &first[0];
        while ((*at)->interrupt_level() > level) at = &(*at)->next;
        at_level[level]->next = *at;
        atomic_fence(order::release); // the first hart's interrupts may be going through the list
        *at = at_level[level];
    }
    return *at_level[level];
}

namespace {

// All that is ready, if anything is. Pushes need not ring meanwhile.
WEFT_INLINE inline void run(executor& e, executor* interrupted) noexcept {
    if constexpr (one_hart) {
        run_queue& queue = e.queue();
        job* j = queue.pop<false>();
        if (!j) return;
        queue.bit = 0;
        running() = &e;
        do {
            machine::unmask();
            e.give_turn(*j);
            machine::mask();
        } while ((j = queue.pop<false>()));
        running() = interrupted;
        queue.bit = e.interrupt();
    } else {
        if (!e.finish_idle() && e.prepare_idle()) return;
        running() = &e;
        do {
            machine::unmask();
            while (e.run(executor::batch)) {}
            machine::mask();
        } while (!e.prepare_idle());
        running() = interrupted;
    }
}

} // namespace

void run_level(unsigned level) noexcept { run(*at_level[level], running()); }

// A higher one that becomes ready in between interrupts the lower one.
void run_above() noexcept {
    executor* interrupted = running();
    for (executor* e = executors(); e != interrupted; e = e->next) run(*e, interrupted);
}

void on_alarm() noexcept {
    executor* all = executors();
    if (!all->next) { // whose it is needs no clock; the next alarm is set when this one has had its turn
        machine::silence_alarm();
        if (!all->alarm_posted()) all->post_alarm();
        return;
    }
    std::int64_t now = machine::now();
    for (executor* e = all; e; e = e->next)
        if (!e->alarm_posted() && e->timers.next_deadline() <= now) e->post_alarm();
    arrange_alarm();
}

// What the alarm would have a turn for is done at once: the main executor has none to give. The alarm stands where the next
// deadline does, so that one has come, and whether the one after it has needs no look at the clock: it has an alarm, too.
void on_alarm_asleep() noexcept {
    executor& e = *executors();
    if (e.next) return on_alarm();
    timer_heap& timers = e.timers;
    machine::silence_alarm();
    machine::unmask();
    timers.pop().expire();
    machine::mask();
    machine::set_alarm(timers.next_deadline());
}

} // namespace chip

namespace port {

std::int64_t now() noexcept { return machine::now(); }
executor* current() noexcept { return chip::running(); }

#if defined(WEFT_ONE_HART)
void ring(executor&) noexcept {}
#else
void ring(executor& sleeper) noexcept {
    auto& e = static_cast<chip::executor&>(sleeper);
    if (unsigned level = e.interrupt_level())
        machine::raise(machine::interrupt_of(level));
    else
        machine::ring(e.hart());
}
#endif
void raise(std::uint32_t interrupt) noexcept { machine::raise(interrupt); }

void insert_timer(executor& home, timer& t) noexcept {
    auto& e = static_cast<chip::executor&>(home);
    if (e.timers.insert(t)) [[unlikely]]
        chip::rearrange_alarm();
}

// An alarm that nobody waits for any more does no harm but one needless interrupt, so it is taken back.
void remove_timer(executor& home, timer& t) noexcept {
    auto& e = static_cast<chip::executor&>(home);
    std::int64_t before = e.timers.next_deadline();
    e.timers.remove(t);
    if (e.timers.next_deadline() == before) return;
    chip::rearrange_alarm();
}

void relax(unsigned) noexcept {}

// Two that meet in the state take the same step at the worst.
std::uint64_t random() noexcept {
    static std::uint64_t state = 0;
    return split_mix(state += split_mix_step ^ static_cast<std::uint64_t>(machine::now()));
}

} // namespace port
} // namespace weft

namespace {

[[noreturn]] WEFT_INLINE inline void run_for_good(weft::chip::executor& e) noexcept {
    for (;;) {
        if constexpr (weft::one_hart) {
            if (!e.turn()) weft::machine::sleep();
        } else {
            while (e.run(weft::chip::executor::batch)) {}
            e.sleep();
        }
    }
}

} // namespace

void weft_start() {
    using namespace weft;
    machine::prepare();
    for (unsigned hart = 0; hart < machine::harts; ++hart)
        chip::first[hart] = new (static_cast<void*>(chip::main_storage[hart])) chip::executor(0, hart);
    chip::running() = chip::first[0];
    machine::unmask();
    chip::start();
#if !defined(WEFT_ONE_HART)
    machine::start_others();
#endif
    run_for_good(chip::main_executor());
}

#if !defined(WEFT_ONE_HART)
void weft_start_hart() {
    using namespace weft;
    chip::executor& e = chip::hart_executor(machine::hart());
    machine::prepare();
    chip::running() = &e;
    e.finish_idle();
    machine::unmask();
    run_for_good(e);
}
#endif
