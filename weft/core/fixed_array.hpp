// fixed_array<T>: as many values as it was made for, in one block of the port's memory.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <weft/core/task.hpp>

namespace weft {

// What combinators over a range yield. Move-only; never grows. Not thread-safe.
template <class T> class fixed_array {
    static_assert(alignof(T) <= port::frame_block, "values may be aligned to two words at most");

  public:
    using value_type = T;

    fixed_array() noexcept = default;
    fixed_array(fixed_array&& other) noexcept
        : values_(std::exchange(other.values_, nullptr)), size_(std::exchange(other.size_, 0)),
          room_(std::exchange(other.room_, 0)) {}
    fixed_array& operator=(fixed_array&& other) noexcept {
        fixed_array old(std::move(*this));
        std::swap(values_, other.values_);
        std::swap(size_, other.size_);
        std::swap(room_, other.room_);
        return *this;
    }
    ~fixed_array() {
        std::destroy(begin(), end());
        if (values_) port::free_large_frame(values_, room_ * sizeof(T));
    }

    // An empty one with room for `count`; with room() == 0 if there is no memory.
    static fixed_array with_room(std::size_t count) noexcept {
        fixed_array made;
        if (count == 0 || count > static_cast<std::size_t>(-1) / sizeof(T)) return made;
        made.values_ = static_cast<T*>(port::allocate_large_frame(count * sizeof(T)));
        if (made.values_) made.room_ = count;
        return made;
    }
    // Within the room.
    template <class... A> T& emplace_back(A&&... a) {
        if (size_ == room_) port::panic("a fixed_array has no room left");
        return *std::construct_at(values_ + size_++, std::forward<A>(a)...);
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t room() const noexcept { return room_; }
    bool empty() const noexcept { return size_ == 0; }
    T* data() noexcept { return values_; }
    const T* data() const noexcept { return values_; }
    T* begin() noexcept { return values_; }
    T* end() noexcept { return values_ + size_; }
    const T* begin() const noexcept { return values_; }
    const T* end() const noexcept { return values_ + size_; }
    T& operator[](std::size_t i) noexcept { return values_[i]; }
    const T& operator[](std::size_t i) const noexcept { return values_[i]; }

  private:
    T* values_ = nullptr;
    std::size_t size_ = 0;
    std::size_t room_ = 0;
};

} // namespace weft
