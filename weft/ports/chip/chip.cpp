// The loops and the clockwork of a port without an operating system.
#include <weft/ports/chip/chip.hpp>

#include <new>

#include <weft/ports/chip/machine.hpp>

namespace weft {

namespace chip {

namespace {

alignas(executor) unsigned char main_storage[sizeof(executor)];
executor* current = nullptr;
executor* first = nullptr;
executor* at_level[max_levels + 1];

// The alarm stands at the earliest deadline of those executors that have not been told of theirs.
void arrange_alarm() noexcept {
    std::int64_t earliest = machine::no_alarm;
    for (executor* e = first; e; e = e->next)
        if (!e->alarm_posted() && e->timers.next_deadline() < earliest) earliest = e->timers.next_deadline();
    machine::set_alarm(earliest);
}

} // namespace

executor& main_executor() noexcept { return *std::launder(reinterpret_cast<executor*>(main_storage)); }
executor* executors() noexcept { return first; }

executor::executor(unsigned level) noexcept
    : roots(weft::executor::level()), level_(level), alarm_{{&hear_alarm, &message_marker}, this} {
    alarm_job_.target = &alarm_;
    alarm_job_.level.set_alone(&weft::executor::level());
    if (level) weft::executor::level().bit = ready_level::rings;
}

void executor::post_alarm() noexcept {
    alarm_posted_ = true;
    weft::executor::level().push(alarm_job_);
}

void executor::hear_alarm(continuation* message) noexcept {
    executor& e = *static_cast<alarm_message*>(message)->owner;
    e.alarm_posted_ = false;
    e.timers.advance(machine::now());
    std::uintptr_t saved = port::lock();
    arrange_alarm();
    port::unlock(saved);
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
        auto* e = new (storage) executor(level);
        e->next = first->next;
        first->next = e;
        at_level[level] = e;
    }
    port::unlock(saved);
    return *at_level[level];
}

void run_level(unsigned level) noexcept {
    executor& e = *at_level[level];
    executor* interrupted = current;
    current = &e;
    e.drain(e.queue());
    // Still masked: what an interrupt adds after this rings.
    current = interrupted;
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

} // namespace chip

namespace port {

std::int64_t now() noexcept { return machine::now(); }
executor* current() noexcept { return chip::current; }

void ring(executor& sleeper) noexcept {
    machine::raise(static_cast<chip::executor&>(sleeper).interrupt_level());
}

void insert_timer(executor& home, timer& t) noexcept {
    auto& e = static_cast<chip::executor&>(home);
    e.timers.insert(t);
    if (e.timers.next_deadline() != t.deadline) return;
    std::uintptr_t saved = lock();
    chip::arrange_alarm();
    unlock(saved);
}

// An alarm that nobody waits for any more does no harm but one needless interrupt, so it is taken back.
void remove_timer(executor& home, timer& t) noexcept {
    auto& e = static_cast<chip::executor&>(home);
    std::int64_t before = e.timers.next_deadline();
    e.timers.remove(t);
    if (e.timers.next_deadline() == before) return;
    std::uintptr_t saved = lock();
    chip::arrange_alarm();
    unlock(saved);
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
    machine::mask();
    ready_level& queue = chip::main_executor().queue();
    for (;;) {
        chip::main_executor().drain(queue);
        machine::sleep();
    }
}
