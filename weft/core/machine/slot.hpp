// slot<T>: memory for one value that may or may not be there; the one who uses it knows.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

// No bookkeeping: put() on an empty slot and drop() or take() on a full one, by the owner's own account.
template <class T> union slot {
    constexpr slot() noexcept {
        if consteval {
            none = 0; // a constant has an active member
        }
    }
    constexpr ~slot()
        requires std::is_trivially_destructible_v<T>
    = default;
    constexpr ~slot() {}

    template <class... A> void put(A&&... a) noexcept(std::is_nothrow_constructible_v<T, A...>) {
        std::construct_at(&value, std::forward<A>(a)...);
    }
    void drop() noexcept { std::destroy_at(&value); }
    T take() noexcept {
        T taken(std::move(value));
        drop();
        return taken;
    }

    T value;
    char none;
};

} // namespace weft
