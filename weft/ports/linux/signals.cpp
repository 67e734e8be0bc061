// Signals for the io room: handlers that are in place only while somebody watches.
#include <weft/core/atomic.hpp>
#include <weft/core/spin_lock.hpp>
#include <weft/io/host.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft::host {

namespace {

struct watched_signal {
    std::uint32_t watchers = 0;
    struct sigaction before;
};

static_assert(signal_limit == NSIG);

spin_lock guard;
watched_signal signals[signal_limit];
atomic<void (*)(int) noexcept> receiver{nullptr};

void on_signal_of_os(int number) {
    int saved = errno; // whatever the signal has interrupted may be about to read it
    if (auto* f = receiver.load(order::acquire)) f(number);
    errno = saved;
}

} // namespace

result<void> watch_signal(int number, void (*on_signal)(int) noexcept) noexcept {
    if (number < 1 || number >= signal_limit) return failure(errc::invalid_argument);
    lock_guard<spin_lock> held(guard);
    receiver.store(on_signal, order::release);
    watched_signal& s = signals[number];
    if (s.watchers == 0) {
        struct sigaction a{};
        a.sa_handler = &on_signal_of_os;
        a.sa_flags = SA_RESTART;
        sigfillset(&a.sa_mask);
        if (long r = sys::signal_action(number, &a, &s.before); r < 0) return failure(sys::error_from(r));
    }
    ++s.watchers;
    return {};
}

void unwatch_signal(int number) noexcept {
    lock_guard<spin_lock> held(guard);
    watched_signal& s = signals[number];
    if (--s.watchers == 0) sys::signal_action(number, &s.before, nullptr);
}

} // namespace weft::host
