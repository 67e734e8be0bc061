// The one door to atomics. Every atomic of weft goes through this class, so that a model checker or a
// single-core port can take its place, and so that no translation unit pays for parsing <atomic>.
#pragma once

#include <cstdint>

namespace weft {

enum class order : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST,
};

// An atomic integer or pointer. Read-modify-write needs a word of 4 bytes or the pointer's size: narrower
// ones become library calls on RISC-V, so they are refused. Thread- and interrupt-safe. Never waits.
template <class T> class atomic {
    static constexpr bool wide = sizeof(T) == 4 || sizeof(T) == sizeof(void*);

  public:
    constexpr atomic() noexcept = default;
    constexpr explicit atomic(T value) noexcept : value_(value) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(order o) const noexcept { return __atomic_load_n(&value_, static_cast<int>(o)); }
    void store(T value, order o) noexcept { __atomic_store_n(&value_, value, static_cast<int>(o)); }

    // For moments when no other context can reach the object; the compiler may keep the value in a register.
    T get_alone() const noexcept { return value_; }
    void set_alone(T value) noexcept { value_ = value; }

    T exchange(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_exchange_n(&value_, value, static_cast<int>(o));
    }
    // On failure `expected` holds what was found, read with relaxed order.
    bool compare_exchange(T& expected, T desired, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_compare_exchange_n(&value_, &expected, desired, false, static_cast<int>(o),
                                           __ATOMIC_RELAXED);
    }
    T fetch_add(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_fetch_add(&value_, value, static_cast<int>(o));
    }
    T fetch_sub(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_fetch_sub(&value_, value, static_cast<int>(o));
    }
    T fetch_or(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_fetch_or(&value_, value, static_cast<int>(o));
    }
    T fetch_and(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        return __atomic_fetch_and(&value_, value, static_cast<int>(o));
    }

  private:
    T value_{};
};

// For the compiler only.
inline void compiler_fence() noexcept { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
inline void atomic_fence(order o) noexcept { __atomic_thread_fence(static_cast<int>(o)); }

} // namespace weft
