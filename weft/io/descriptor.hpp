// descriptor: an open file, socket or pipe of the host, owned; and the base of the operations on one.
#pragma once

#include <cstddef>
#include <utility>

#include <weft/core/atomic.hpp>
#include <weft/core/leaf.hpp>
#include <weft/io/operation.hpp>

namespace weft {

namespace host {
bool submit(io_operation& op) noexcept;
void cancel(io_operation& op) noexcept;
error error_of(std::int64_t outcome) noexcept;
void close(native_handle h) noexcept;
void forget(native_handle h) noexcept;
} // namespace host

class close_operation;

// Closes what it owns when it goes. Move-only. Must outlive the operations on it: to close or to move it while one is in
// flight panics, since the one who waits would be left with somebody else's descriptor. Cancel, await, then close.
class descriptor {
  public:
    constexpr descriptor() noexcept = default;
    // Takes ownership. The handle must be non-blocking, where the host has such a mode; see host::adopt().
    explicit descriptor(native_handle h) noexcept : handle_(h) {}
    descriptor(descriptor&& other) noexcept : handle_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = other.release();
        }
        return *this;
    }
    ~descriptor() { reset(); }

    explicit operator bool() const noexcept { return handle_ != no_handle; }
    native_handle native() const noexcept { return handle_; }
    // Gives up ownership.
    native_handle release() noexcept {
        check_unused();
        if (handle_ != no_handle) host::forget(handle_);
        return std::exchange(handle_, no_handle);
    }
    // Closes at once, on this thread, and tells no error. Enough for sockets and pipes.
    void reset() noexcept {
        check_unused();
        if (handle_ != no_handle) host::close(std::exchange(handle_, no_handle));
    }
    // Closes, and yields what the host says about it: for files on media that report late. The descriptor is empty from
    // the start of the wait. Resumes on the home executor. A stop does not prevent it. No allocation.
    close_operation close() noexcept;

  private:
    template <class Self> friend class handle_operation;

    void check_unused() const noexcept {
        if (in_flight_.load(order::relaxed) != 0) [[unlikely]]
            port::panic("a descriptor was closed or moved while an operation on it was in flight");
    }

    native_handle handle_ = no_handle;
    atomic<std::uint32_t> in_flight_{0};
    atomic<std::uint8_t> known_empty_{0}; // a guess about a byte stream's input
};

// Base of the operations without a descriptor that somebody else holds (CRTP).
template <class Self> class host_operation : public operation<Self, io_operation> {
  public:
    using operation<Self, io_operation>::operation;

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            this->outcome = io_operation::stopped;
            return this->yield(b, then);
        }
        this->owner = &b;
        if (!host::submit(*this)) return this->finish_now(b, then);
        this->suspend(b, then);
        return true;
    }

  protected:
    static void request_cancel(leaf& self) noexcept { host::cancel(static_cast<io_operation&>(self)); }

    result<void> nothing() const noexcept {
        if (this->outcome < 0) return failure(host::error_of(this->outcome));
        return {};
    }
    template <class N = std::size_t> result<N> number() const noexcept {
        if (this->outcome < 0) [[unlikely]]
            return failure(host::error_of(this->outcome));
        return static_cast<N>(this->outcome);
    }
};

// Base of the operations on a descriptor (CRTP). The derived class has a static leaf_kind and an await_resume() that
// calls ended() first.
template <class Self> class handle_operation : public host_operation<Self> {
  public:
    handle_operation(const leaf_kind& kind, io_code what, descriptor& on, void* buffer = nullptr,
                     std::size_t bytes = 0) noexcept
        : host_operation<Self>(kind, what, on.native(), buffer, bytes), on_(on) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            this->outcome = io_operation::stopped;
            return this->yield(b, then);
        }
        this->owner = &b;
        if (!host::submit(*this)) {
            this->owner = nullptr;
            return this->finish_now(b, then);
        }
        on_.in_flight_.fetch_add(1, order::relaxed);
        this->suspend(b, then);
        return true;
    }

  protected:
    // The descriptor may be closed again.
    void ended() noexcept {
        if (this->owner) on_.in_flight_.fetch_sub(1, order::relaxed);
    }
    // For byte streams: what the last read knew travels along.
    void guess_emptiness() noexcept {
        if (on_.known_empty_.load(order::relaxed)) this->flags |= io_known_empty;
    }
    void remember_emptiness() noexcept {
        on_.known_empty_.store(this->flags & io_known_empty, order::relaxed);
    }

  private:
    descriptor& on_;
};

class [[nodiscard("co_await it")]] close_operation : public host_operation<close_operation> {
  public:
    explicit close_operation(descriptor& d) noexcept
        : host_operation(closing, io_code::close, no_handle), descriptor_(d) {}
    bool start(branch& b, continuation& then) noexcept {
        handle = descriptor_.release();
        if (handle == no_handle) return finish_now(b, then);
        owner = &b;
        if (!host::submit(*this)) return finish_now(b, then);
        suspend(b, then);
        return true;
    }
    result<void> await_resume() const noexcept { return nothing(); }

  private:
    static void no_cancel(leaf&) noexcept {}
    static constexpr leaf_kind closing{"close", &no_cancel};

    descriptor& descriptor_;
};

inline close_operation descriptor::close() noexcept { return close_operation(*this); }

} // namespace weft
