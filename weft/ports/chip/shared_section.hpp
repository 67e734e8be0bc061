// What the tasks of several executors use, a few instructions at a time.
#pragma once

#include <weft/core/spin_lock.hpp>

namespace weft::chip {

// Interrupts are masked, and with several harts the others are kept out: of all such sections at once, for they are short.
// Does not nest. Any context.
class shared_section {
  public:
    WEFT_INLINE shared_section() noexcept : saved_(port::lock()) {
        if constexpr (!one_hart)
            while (taken_.exchange(1, order::acquire)) {}
    }
    WEFT_INLINE ~shared_section() {
        if constexpr (!one_hart) taken_.store(0, order::release);
        port::unlock(saved_);
    }
    shared_section(const shared_section&) = delete;
    shared_section& operator=(const shared_section&) = delete;

  private:
    static inline atomic<std::uint32_t> taken_;
    std::uintptr_t saved_;
};

} // namespace weft::chip
