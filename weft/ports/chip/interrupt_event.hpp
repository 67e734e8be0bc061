// interrupt_event: an interrupt that a task waits for, without a handler of its own.
#pragma once

#include <weft/core/waker.hpp>
#include <weft/ports/chip/interrupt.hpp>

namespace weft::chip {

// Takes the interrupt with this number (see attach_interrupt()), and lets it in only while somebody waits: so a device that
// asserts it until it is served disturbs nobody meanwhile. Served by one task at a time.
//
//     weft::chip::interrupt_event button(20);
//     while (co_await button.wait()) serve(the_device);
class interrupt_event {
  public:
    explicit interrupt_event(unsigned number) noexcept : number_(number) {
        attach_interrupt(
            number, [](void* self) noexcept { static_cast<interrupt_event*>(self)->came(); }, this);
        mask_interrupt(number);
    }
    interrupt_event(const interrupt_event&) = delete;
    interrupt_event& operator=(const interrupt_event&) = delete;
    ~interrupt_event() { detach_interrupt(number_); }

    // Returns after the interrupt, also one that came since the last wait; where that is over, once too often: so look at the
    // device. Yields errc::cancelled if a stop came first; the next wait gets what comes. Resumes on the home executor. No
    // allocation.
    waker::wait_operation wait() noexcept {
        enable_interrupt(number_);
        return waker_.wait();
    }

  private:
    void came() noexcept {
        mask_interrupt(number_);
        waker_.wake();
    }

    unsigned number_;
    waker waker_;
};

} // namespace weft::chip
