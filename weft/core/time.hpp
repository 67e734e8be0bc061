// weft's clock: nanoseconds of the port's monotonic clock, in std::chrono's types. Tests: core/sleep_test.cpp.
#pragma once

#include <chrono>

#include <weft/core/port.hpp>

namespace weft {

// Meets the requirements of a standard clock. The epoch is the port's.
struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept { return time_point(duration(port::now())); }

    // `from` + `wait`, or the last moment there is: an endless wait must not wrap round into the past.
    static time_point after(time_point from, duration wait) noexcept {
        rep sum;
        if (__builtin_add_overflow(from.time_since_epoch().count(), wait.count(), &sum))
            return wait.count() > 0 ? time_point::max() : time_point::min();
        return time_point(duration(sum));
    }
};

} // namespace weft
