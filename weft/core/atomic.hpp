// The one door to atomics. Every atomic of weft goes through this class, so that a model checker or a
// single-core port can take its place, and so that no translation unit pays for parsing <atomic>.
// Tests: runtime/steal_deque_test.cpp.
#pragma once

#include <cstdint>

namespace weft {

// For functions of an instruction or two: -Os calls them, where the call is larger than what it calls.
#define WEFT_INLINE [[gnu::always_inline]]
// For some ten instructions on a hot path: where room does not come first, they do not depend on how much else GCC has already
// inlined in a file.
#if defined(__OPTIMIZE_SIZE__)
#define WEFT_HOT_INLINE
#else
#define WEFT_HOT_INLINE WEFT_INLINE
#endif

// A build for a world with one hart, where nothing runs at the same time and an interrupt is all that can come in between:
// WEFT_ONE_HART. Then a compiler's fence does for the hardware's, and masking interrupts for a lock.
#if defined(WEFT_ONE_HART)
inline constexpr bool one_hart = true;
#else
inline constexpr bool one_hart = false;
#endif

// A relaxed access of a word by way of volatile: the same instruction, but GCC takes an atomic one for something that may
// have changed all memory, and reads again what it knew (on RISC-V it makes more of it besides). TSan wants to see atomics.
#if defined(__clang__) || defined(__SANITIZE_THREAD__)
inline constexpr bool relaxed_is_volatile = one_hart;
#else
inline constexpr bool relaxed_is_volatile = true;
#endif

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

    WEFT_INLINE T load(order o) const noexcept {
        before(o);
        T value = plainly(o) ? static_cast<const volatile T&>(value_)
                             : __atomic_load_n(&value_, static_cast<int>(o));
        after(o);
        return value;
    }
    WEFT_INLINE void store(T value, order o) noexcept {
        before(o);
        if (plainly(o))
            static_cast<volatile T&>(value_) = value;
        else
            __atomic_store_n(&value_, value, static_cast<int>(o));
        after(o);
    }

    // For moments when no other context can reach the object; the compiler may keep the value in a register.
    WEFT_INLINE T get_alone() const noexcept { return value_; }
    WEFT_INLINE void set_alone(T value) noexcept { value_ = value; }

    WEFT_INLINE T exchange(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        T old = __atomic_exchange_n(&value_, value, in_hardware(o));
        after(o);
        return old;
    }
    // On failure `expected` holds what was found, read with relaxed order.
    WEFT_INLINE bool compare_exchange(T& expected, T desired, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        bool done =
            __atomic_compare_exchange_n(&value_, &expected, desired, false, in_hardware(o), __ATOMIC_RELAXED);
        after(o);
        return done;
    }
    WEFT_INLINE T fetch_add(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        T old = __atomic_fetch_add(&value_, value, in_hardware(o));
        after(o);
        return old;
    }
    WEFT_INLINE T fetch_sub(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        T old = __atomic_fetch_sub(&value_, value, in_hardware(o));
        after(o);
        return old;
    }
    WEFT_INLINE T fetch_or(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        T old = __atomic_fetch_or(&value_, value, in_hardware(o));
        after(o);
        return old;
    }
    WEFT_INLINE T fetch_and(T value, order o) noexcept {
        static_assert(wide, "read-modify-write needs a 4-byte or pointer-sized atomic");
        before(o);
        T old = __atomic_fetch_and(&value_, value, in_hardware(o));
        after(o);
        return old;
    }

  private:
    WEFT_INLINE static constexpr bool plainly(order o) noexcept {
        return one_hart || (relaxed_is_volatile && o == order::relaxed);
    }
    // Without one_hart these are nothing, and the hardware is told the order as it is.
    WEFT_INLINE static constexpr int in_hardware(order o) noexcept {
        return one_hart ? __ATOMIC_RELAXED : static_cast<int>(o);
    }
    WEFT_INLINE static void before(order o) noexcept {
        if constexpr (one_hart)
            if (o != order::relaxed) __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }
    WEFT_INLINE static void after(order o) noexcept { before(o); }

    T value_{};
};

// What was read and written before it, of memory and of registers, devices see before what comes after.
inline void device_fence() noexcept { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
// For the compiler only.
inline void compiler_fence() noexcept { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
inline void atomic_fence(order o) noexcept {
    if constexpr (one_hart)
        __atomic_signal_fence(static_cast<int>(o));
    else
        __atomic_thread_fence(static_cast<int>(o));
}

} // namespace weft
