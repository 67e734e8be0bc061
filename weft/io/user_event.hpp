// user_event: what any thread, any signal handler, and any foreign library can trigger, and tasks wait for.
#pragma once

#include <weft/core/result.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>

namespace weft {

// A counter. trigger() adds one; wait() takes what there is. Costs a descriptor and a system call each: within weft's own
// tasks and threads, core's event and waker are lighter. It is its own descriptor so that a library without knowledge of
// weft can be given it.
class user_event {
  public:
    // Errors: too_many_files.
    static result<user_event> make() noexcept {
        result<native_handle> opened = host::open_counter(false);
        if (!opened) return failure(opened.error());
        return user_event(descriptor(*opened));
    }
    user_event() noexcept = default;

    // Never waits, never fails. Any thread, and signal handlers.
    void trigger() const noexcept { host::count_up(descriptor_.native()); }

    class [[nodiscard("co_await it")]] wait_operation : public host_operation<wait_operation> {
      public:
        explicit wait_operation(descriptor& d) noexcept
            : host_operation(waiting, io_code::read, d, nullptr, sizeof count_) {}
        bool start(branch& b, continuation& then) noexcept {
            data = &count_;
            return host_operation::start(b, then);
        }
        result<std::uint64_t> await_resume() noexcept {
            if (outcome < 0) return failure(host::error_of(outcome));
            return count_;
        }

      private:
        static constexpr leaf_kind waiting{"user event", &request_cancel};
        std::uint64_t count_ = 0;
    };
    // Waits for a trigger, and yields how many there were since the last wait; all of them are taken. Several waiters are
    // served first in, first out. Yields errc::cancelled if a stop came first. Resumes on the home executor. No
    // allocation.
    wait_operation wait() noexcept { return wait_operation(descriptor_); }

    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    explicit user_event(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    descriptor descriptor_;
};

} // namespace weft
