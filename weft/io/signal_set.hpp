// signal_set: waiting for the signals that people and the system send to the process.
#pragma once

#include <concepts>
#include <span>

#include <weft/core/result.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>

namespace weft {

// The signals that people stop a program with, by their numbers on every host.
inline constexpr int signal_interrupt = 2;
inline constexpr int signal_terminate = 15;

// While a set exists, its signals do not have their usual effect; afterwards they do again, as it was before the first
// set. Every set that holds a signal gets it; of one set's waiters, one does, first in, first out. Signals of one number
// that arrive before they are waited for count as one, as the host counts them. The signal must not be blocked in all of
// the process's threads.
//
//     weft::signal_set stop = co_await weft::ok(weft::signal_set::make(weft::signal_terminate));
//     int which = co_await weft::ok(stop.next());
class signal_set {
  public:
    static constexpr std::size_t limit = 64; // sets at the same time

    // Errors: invalid_argument for a number that cannot be caught, limit_exceeded, too_many_files. Each of the `limit`
    // places keeps its descriptor for the next set: a handler on another thread might be just about to use it.
    template <std::convertible_to<int>... N>
        requires(sizeof...(N) > 0)
    static result<signal_set> make(N... numbers) noexcept {
        const int list[] = {static_cast<int>(numbers)...};
        return make_from(list);
    }
    static result<signal_set> make_from(std::span<const int> numbers) noexcept;

    signal_set() noexcept = default;
    signal_set(signal_set&& other) noexcept;
    signal_set& operator=(signal_set&& other) noexcept;
    ~signal_set() { drop(); }

    class [[nodiscard("co_await it")]] next_operation : public host_operation<next_operation> {
      public:
        next_operation(descriptor& d, std::size_t place) noexcept
            : host_operation(waiting, io_code::read, d, nullptr, sizeof count_), place_(place) {}
        bool start(branch& b, continuation& then) noexcept {
            data = &count_;
            return host_operation::start(b, then);
        }
        result<int> await_resume() noexcept;

      private:
        static constexpr leaf_kind waiting{"signal", &request_cancel};
        std::uint64_t count_ = 0;
        std::size_t place_;
    };
    // Waits for the next signal and yields its number. Yields errc::cancelled if a stop came first; then no signal is
    // lost; errc::interrupted, very rarely, for no reason: after another set was dropped while its handler ran. Resumes on
    // the home executor. No allocation.
    next_operation next() noexcept { return next_operation(descriptor_, place_); }

  private:
    void drop() noexcept;

    descriptor descriptor_; // borrowed from the place
    std::size_t place_ = limit;
};

} // namespace weft
