// An exception on its way from a coroutine to the one who awaits it. One pointer in every build, so that
// objects built with and without exceptions share their layouts.
#pragma once

#include <utility>

#include <weft/core/error.hpp>

namespace weft {

class thrown {
  public:
    constexpr thrown() noexcept = default;
    thrown(thrown&& other) noexcept : exception_(std::exchange(other.exception_, nullptr)) {}
    thrown(const thrown& other) noexcept : exception_(other.exception_ ? copy(other.exception_) : nullptr) {}
    thrown& operator=(thrown other) noexcept {
        std::swap(exception_, other.exception_);
        return *this;
    }
    ~thrown() {
        if (exception_) drop(exception_);
    }

    // The exception being handled. In a build without exceptions there is none to handle.
    static thrown current() noexcept;
    explicit operator bool() const noexcept { return exception_ != nullptr; }
    [[noreturn]] void rethrow() &&;

    // The one word, whose four lowest bits are zero, for who keeps it elsewhere; adopt() takes it back, share() copies it.
    void* release() noexcept { return std::exchange(exception_, nullptr); }
    static thrown adopt(void* exception) noexcept {
        thrown t;
        t.exception_ = exception;
        return t;
    }
    static thrown share(void* exception) noexcept { return adopt(copy(exception)); }

  private:
    static void* copy(void* exception) noexcept;
    static void drop(void* exception) noexcept;

    void* exception_ = nullptr; // a std::exception_ptr's one word
};

// What f() throws, if it does.
template <class F> thrown caught(F&& f) noexcept {
#if defined(__cpp_exceptions)
    try {
        f();
    } catch (...) {
        return thrown::current();
    }
#else
    f();
#endif
    return {};
}

// Why a child ended badly: an error, or an exception.
class failure_cause {
  public:
    constexpr failure_cause() noexcept = default;
    failure_cause(error e) noexcept : code(e) {}
    failure_cause(thrown t) noexcept : exception(std::move(t)) {}
    explicit operator bool() const noexcept { return code.code() != errc::none || exception; }

    error code;
    thrown exception;
};

} // namespace weft
