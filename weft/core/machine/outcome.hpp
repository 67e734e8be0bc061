// outcome<T>: a value, an exception, or nothing yet.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <weft/core/machine/thrown.hpp>
#include <weft/core/result.hpp>

namespace weft::detail {

// Where an operation's outcome is kept until the one who awaits takes it.
template <class T> class outcome {
  public:
    outcome() noexcept {}
    ~outcome() {
        if (state_ == state::exception) [[unlikely]]
            std::destroy_at(&exception_);
        else if (state_ == state::value)
            std::destroy_at(&value_);
    }
    template <class... A> void set(A&&... a) {
        std::construct_at(&value_, std::forward<A>(a)...);
        if constexpr (!std::is_trivially_destructible_v<T>) state_ = state::value;
    }
    void set_exception(thrown t) noexcept {
        std::construct_at(&exception_, std::move(t));
        state_ = state::exception;
    }
    T take() {
        if (state_ == state::exception) [[unlikely]]
            std::move(exception_).rethrow();
        return std::move(value_);
    }
    bool has_exception() const noexcept { return state_ == state::exception; }
    const T& value() const noexcept { return value_; }
    // What f() returns or throws.
    template <class F> void set_from(F&& f) noexcept {
        if (thrown t = caught([&] { set(f()); })) set_exception(std::move(t));
    }
    // Of an outcome that is set: an empty cause for a value.
    failure_cause why_failed() const noexcept {
        if (state_ == state::exception) [[unlikely]]
            return exception_;
        if constexpr (is_result<T>) {
            if (!value_.has_value()) return value_.error();
        }
        return {};
    }

  private:
    enum class state : unsigned char {
        none,
        value,
        exception
    }; // `none` also for a value that needs no destructor
    union {
        T value_;
        thrown exception_;
    };
    state state_ = state::none;
};

template <> class outcome<void> {
  public:
    void set_exception(thrown t) noexcept { exception_ = std::move(t); }
    template <class F> void set_from(F&& f) noexcept { exception_ = caught(f); }
    void take() {
        if (exception_) [[unlikely]]
            std::move(exception_).rethrow();
    }
    bool has_exception() const noexcept { return static_cast<bool>(exception_); }
    failure_cause why_failed() const noexcept { return exception_; }

  private:
    thrown exception_;
};

} // namespace weft::detail
