// The loops and the clockwork of a port without an operating system.
#include <weft/ports/chip/chip.hpp>

#include <new>

#include <weft/ports/chip/machine.hpp>

namespace weft {

namespace chip {

namespace {

alignas(executor) unsigned char main_storage[sizeof(executor)];
executor* first = nullptr;
// By level; in place of the main one, which everybody finds, the one that runs: so both have one address.
executor* at_level[max_levels + 1];
constexpr executor*& current = at_level[0];

// The alarm stands at the earliest deadline of those executors that have not been told of theirs.
void arrange_alarm() noexcept {
    std::int64_t earliest = machine::no_alarm;
    for (executor* e = first; e; e = e->next)
        if (!e->alarm_posted() && e->timers.next_deadline() < earliest) earliest = e->timers.next_deadline();
    machine::set_alarm(earliest);
}

[[gnu::noinline]] void rearrange_alarm() noexcept {
    std::uintptr_t saved = port::lock();
    arrange_alarm();
    port::unlock(saved);
}

} // namespace

executor& main_executor() noexcept { return *std::launder(reinterpret_cast<executor*>(main_storage)); }
executor* executors() noexcept { return first; }

executor::executor(unsigned level) noexcept
    : roots(weft::executor::level()), level_(level), alarm_{{&hear_alarm, &message_marker}, this} {
    alarm_job_.target = &alarm_;
    alarm_job_.level.set_alone(&weft::executor::level());
    if (level) queue().bit = interrupt_ = machine::interrupt_of(level);
}

void executor::post_alarm() noexcept {
    alarm_posted_ = true;
    weft::executor::level().push(alarm_job_);
}

void executor::hear_alarm(continuation* message) noexcept {
    executor& e = *static_cast<alarm_message*>(message)->owner;
    e.alarm_posted_ = false;
    e.timers.advance(machine::now());
    rearrange_alarm();
}

void executor::sleep() noexcept {
    machine::mask();
    if (!has_ready()) machine::sleep();
    machine::unmask();
}

executor& start_executor(void* storage, unsigned level) noexcept {
    if (level == 0 || level > max_levels || level > machine::levels) port::panic("no such executor level");
    std::uintptr_t saved = port::lock();
    if (!at_level[level]) {
        at_level[level] = new (storage) executor(level);
        executor** at = &first;
        while ((*at)->interrupt_level() > level) at = &(*at)->next;
        at_level[level]->next = *at;
        *at = at_level[level];
    }
    port::unlock(saved);
    return *at_level[level];
}

namespace {

// All that is ready, if anything is. Pushes need not ring meanwhile.
WEFT_INLINE inline void run(executor& e, executor* interrupted) noexcept {
    ready_level& queue = e.queue();
    job* j = queue.pop<false>();
    if (!j) return;
    queue.bit = 0;
    current = &e;
    do {
        machine::unmask();
        e.give_turn(*j);
        machine::mask();
    } while ((j = queue.pop<false>()));
    current = interrupted;
    queue.bit = e.interrupt();
}

} // namespace

void run_level(unsigned level) noexcept { run(*at_level[level], current); }

// A higher one that becomes ready in between interrupts the lower one.
void run_above() noexcept {
    executor* interrupted = current;
    for (executor* e = first; e != interrupted; e = e->next) run(*e, interrupted);
}

void on_alarm() noexcept {
    if (!first->next) { // whose it is needs no clock; the next alarm is set when this one has had its turn
        machine::silence_alarm();
        if (!first->alarm_posted()) first->post_alarm();
        return;
    }
    std::int64_t now = machine::now();
    for (executor* e = first; e; e = e->next)
        if (!e->alarm_posted() && e->timers.next_deadline() <= now) e->post_alarm();
    arrange_alarm();
}

// What the alarm would have a turn for is done at once: the main executor has none to give. The alarm stands where the next
// deadline does, so that one has come, and whether the one after it has needs no look at the clock: it has an alarm, too.
void on_alarm_asleep() noexcept {
    if (first->next) return on_alarm();
    timer_heap& timers = main_executor().timers;
    machine::silence_alarm();
    machine::unmask();
    timers.pop().expire();
    machine::mask();
    machine::set_alarm(timers.next_deadline());
}

} // namespace chip

namespace port {

std::int64_t now() noexcept { return machine::now(); }
executor* current() noexcept { return chip::current; }

void ring(executor&) noexcept {}
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
std::size_t choose(std::size_t) noexcept { return 0; }

} // namespace port
} // namespace weft

void weft_start() {
    using namespace weft;
    machine::prepare();
    chip::first = chip::current = new (static_cast<void*>(chip::main_storage)) chip::executor(0);
    machine::unmask();
    chip::start();
    chip::executor& e = chip::main_executor();
    for (;;)
        if (!e.turn()) machine::sleep();
}
