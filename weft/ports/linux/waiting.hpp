// What the ways to wait on Linux have in common: a bell that ends a wait, and how long a wait may take.
#pragma once

#include <utility>

#include <weft/core/machine/timer_wheel.hpp>
#include <weft/core/port.hpp>
#include <weft/core/result.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

// A descriptor that is readable once it was rung.
class bell {
  public:
    static result<bell> make() noexcept {
        long fd = sys::event_descriptor(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) return failure(sys::error_from(fd));
        return bell(static_cast<int>(fd));
    }
    bell(bell&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    bell& operator=(bell&&) = delete;
    ~bell() {
        if (fd_ >= 0) sys::close(fd_);
    }

    int descriptor() const noexcept { return fd_; }
    // Any thread, and signal handlers.
    void ring() const noexcept {
        std::uint64_t one = 1;
        sys::write(fd_, &one, sizeof one);
    }
    // For who would be told again otherwise.
    void silence() const noexcept {
        std::uint64_t count;
        sys::read(fd_, &count, sizeof count);
    }

  private:
    explicit bell(int fd) noexcept : fd_(fd) {}

    int fd_;
};

// The time from now to a deadline, which may have passed.
inline timespec time_until(std::int64_t deadline) noexcept {
    std::int64_t left = deadline == 0 ? 0 : deadline - port::now();
    if (left < 0) left = 0;
    return {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
}

} // namespace weft
