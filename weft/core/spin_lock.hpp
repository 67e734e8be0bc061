// Lock policies for the insides of core synchronisation: a spin lock for state that threads or interrupts share, and
// none where one executor has everything to itself. Tests: runtime/runtime_test.cpp.
#pragma once

#include <type_traits>

#include <weft/core/atomic.hpp>
#include <weft/core/port.hpp>

namespace weft {

// For sections of some ten instructions. Interrupts that could wake tasks are masked while it is held, as the port
// does it. Not fair, not recursive.
class spin_lock {
  public:
    void lock() noexcept {
        std::uintptr_t saved = port::lock();
        if constexpr (!one_hart)
            for (unsigned spins = 0; held_.exchange(1, order::acquire) != 0; ++spins) port::relax(spins);
        saved_ = saved;
    }
    void unlock() noexcept {
        std::uintptr_t saved = saved_;
        if constexpr (!one_hart) held_.store(0, order::release);
        port::unlock(saved);
    }

  private:
    atomic<std::uint32_t> held_{0};
    std::uintptr_t saved_ = 0;
};

// Around a ready queue. With one hart, interrupts push into the queue itself, and masking them is cheaper than handing
// jobs over; elsewhere a queue is its home's alone, and this is nothing.
class queue_section {
  public:
    WEFT_INLINE queue_section() noexcept {
        if constexpr (one_hart) saved_ = port::lock();
    }
    WEFT_INLINE ~queue_section() {
        if constexpr (one_hart) port::unlock(saved_);
    }
    queue_section(const queue_section&) = delete;
    queue_section& operator=(const queue_section&) = delete;

  private:
    struct nothing {
        nothing& operator=(std::uintptr_t) noexcept { return *this; }
        operator std::uintptr_t() const noexcept { return 0; }
    };
    [[no_unique_address]] std::conditional_t<one_hart, std::uintptr_t, nothing> saved_;
};

// The policy of a program with one executor: no atomics, no masking.
struct no_lock {
    void lock() const noexcept {}
    void unlock() const noexcept {}
};

// RAII for either.
template <class L> class lock_guard {
  public:
    explicit lock_guard(L& l) noexcept : lock_(l) { lock_.lock(); }
    ~lock_guard() { lock_.unlock(); }
    lock_guard(const lock_guard&) = delete;
    lock_guard& operator=(const lock_guard&) = delete;

  private:
    L& lock_;
};

} // namespace weft
