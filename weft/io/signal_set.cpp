#include <weft/io/signal_set.hpp>

#include <weft/core/spin_lock.hpp>

namespace weft {

namespace {

// What a handler looks at: it must be there whenever one runs, so places are never given back to the system.
struct place {
    atomic<std::uint64_t> wanted{0};  // a bit a signal
    atomic<std::uint64_t> pending{0}; // bits that nobody has taken; the counter holds one for each
    atomic<native_handle> counter{no_handle};
    bool taken = false;
};

place places[signal_set::limit];
spin_lock guard;

constexpr std::uint64_t bit_of(int number) noexcept { return std::uint64_t{1} << (number - 1); }

// In a signal handler.
void on_signal(int number) noexcept {
    for (place& p : places) {
        if (!(p.wanted.load(order::acquire) & bit_of(number))) continue;
        if (!(p.pending.fetch_or(bit_of(number), order::acq_rel) & bit_of(number)))
            host::count_up(p.counter.load(order::relaxed));
    }
}

result<std::size_t> take_place() noexcept {
    lock_guard<spin_lock> held(guard);
    for (std::size_t i = 0; i < signal_set::limit; ++i) {
        place& p = places[i];
        if (p.taken) continue;
        if (p.counter.load(order::relaxed) == no_handle) {
            result<native_handle> opened = host::open_counter(true);
            if (!opened) return failure(opened.error());
            p.counter.store(*opened, order::relaxed);
        }
        p.taken = true;
        return i;
    }
    return failure(errc::limit_exceeded);
}

void give_back(std::size_t index) noexcept {
    lock_guard<spin_lock> held(guard);
    places[index].taken = false;
}

// Takes one pending signal; 0 if there is none.
int take_pending(place& p) noexcept {
    std::uint64_t pending = p.pending.load(order::acquire);
    while (pending) {
        std::uint64_t lowest = pending & -pending;
        if (p.pending.fetch_and(~lowest, order::acq_rel) & lowest) return __builtin_ctzll(lowest) + 1;
        pending = p.pending.load(order::acquire);
    }
    return 0;
}

} // namespace

result<signal_set> signal_set::make_from(std::span<const int> numbers) noexcept {
    for (int number : numbers)
        if (number < 1 || number >= host::signal_limit) return failure(errc::invalid_argument);
    result<std::size_t> taken = take_place();
    if (!taken) return failure(taken.error());
    place& p = places[*taken];
    // A duplicate, so that the descriptor can be this set's own, with its own count of waiters.
    result<native_handle> mine = host::duplicate(p.counter.load(order::relaxed));
    if (!mine) {
        give_back(*taken);
        return failure(mine.error());
    }
    signal_set s;
    s.descriptor_ = descriptor(*mine);
    s.place_ = *taken;
    for (int number : numbers) {
        std::uint64_t wanted = p.wanted.load(order::relaxed);
        if (wanted & bit_of(number)) continue;
        p.wanted.store(wanted | bit_of(number), order::release); // first, so that no signal is swallowed
        if (result<void> r = host::watch_signal(number, &on_signal); !r) {
            p.wanted.store(wanted, order::release);
            return failure(r.error());
        }
    }
    return s;
}

signal_set::signal_set(signal_set&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), place_(std::exchange(other.place_, limit)) {}

signal_set& signal_set::operator=(signal_set&& other) noexcept {
    if (this != &other) {
        drop();
        descriptor_ = std::move(other.descriptor_);
        place_ = std::exchange(other.place_, limit);
    }
    return *this;
}

void signal_set::drop() noexcept {
    if (place_ == limit) return;
    descriptor_.reset();
    place& p = places[place_];
    std::uint64_t wanted = p.wanted.exchange(0, order::acq_rel);
    for (int number = 1; number < host::signal_limit; ++number)
        if (wanted & bit_of(number)) host::unwatch_signal(number);
    // What is left counts for nobody; a handler that is just running may leave one count, which the next set passes over.
    while (take_pending(p)) host::count_down(p.counter.load(order::relaxed));
    give_back(std::exchange(place_, limit));
}

result<int> signal_set::next_operation::await_resume() noexcept {
    if (outcome < 0) return failure(host::error_of(outcome));
    int number = take_pending(places[place_]);
    if (number == 0) return failure(errc::interrupted);
    return number;
}

} // namespace weft
