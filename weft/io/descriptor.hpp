// descriptor: an open file, socket or pipe of the host, owned; and the base of the operations.
#pragma once

#include <cstddef>
#include <utility>

#include <weft/core/atomic.hpp>
#include <weft/core/leaf.hpp>
#include <weft/io/operation.hpp>

namespace weft {

namespace host {
// Starts an operation of `b`, in the context of its home; `then` is resumed when it has ended. False: done at once, and
// not in vain if op.kind has an end_frame.
bool start(io_operation& op, branch& b, continuation& then) noexcept;
void cancel(io_operation& op) noexcept;
error error_of(std::int64_t outcome) noexcept;
void close(native_handle h) noexcept;
std::uint32_t new_generation() noexcept;
bool in_use(const io_handle& h) noexcept;
} // namespace host

class close_operation;

// Closes what it owns when it goes. Move-only. Must outlive the operations on it: to close or to move it while one is in
// flight panics, since the one who waits would be left with somebody else's descriptor. Cancel, await, then close.
class descriptor {
  public:
    constexpr descriptor() noexcept = default;
    // Takes ownership. The handle must be non-blocking, where the host has such a mode; see host::adopt().
    explicit descriptor(native_handle h) noexcept : io_(h) { io_.generation = host::new_generation(); }
    descriptor(descriptor&& other) noexcept { take(other); }
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    ~descriptor() { reset(); }

    explicit operator bool() const noexcept { return io_.value != no_handle; }
    native_handle native() const noexcept { return io_.value; }
    // Gives up ownership.
    native_handle release() noexcept {
        check_unused();
        return let_go();
    }
    // Closes at once, on this thread, and tells no error. Enough for sockets and pipes.
    void reset() noexcept {
        check_unused();
        if (io_.value != no_handle) host::close(let_go());
    }
    // Closes, and yields what the host says about it: for files on media that report late. The descriptor is empty from
    // the start of the wait. Resumes on the home executor. A stop does not prevent it. No allocation.
    close_operation close() noexcept;

    // For operations.
    io_handle& io() noexcept { return io_; }

  private:
    void check_unused() const noexcept {
        if (io_.value != no_handle && host::in_use(io_)) [[unlikely]]
            port::panic("a descriptor was closed or moved while an operation on it was in flight");
    }
    // The number may soon be another's, and so is what the port knows of it.
    native_handle let_go() noexcept {
        io_.place.store(&no_place, order::relaxed);
        return std::exchange(io_.value, no_handle);
    }
    void take(descriptor& other) noexcept {
        other.check_unused();
        io_.generation = other.io_.generation;
        io_.records = other.io_.records;
        io_.place.store(other.io_.place.load(order::acquire), order::release);
        io_.value = other.let_go();
    }

    io_handle io_;
};

// Base of the host's operations (CRTP). The derived class has a static leaf_kind and an await_resume().
template <class Self, class Base = io_operation> class host_operation : public operation<Self, Base> {
  public:
    using operation<Self, Base>::operation;
    // On a descriptor.
    host_operation(const leaf_kind& kind, io_code what, descriptor& on, void* buffer = nullptr,
                   std::size_t bytes = 0) noexcept
        : operation<Self, Base>(kind, what, &on.io(), buffer, bytes) {}

    bool start(branch& b, continuation& then) noexcept { return host::start(*this, b, then); }

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

class [[nodiscard("co_await it")]] close_operation : public host_operation<close_operation> {
  public:
    explicit close_operation(descriptor& d) noexcept
        : host_operation(closing, io_code::close, &closed_), descriptor_(d) {}
    bool start(branch& b, continuation& then) noexcept {
        closed_.value = descriptor_.release();
        outcome = 0;
        return closed_.value == no_handle ? finish_now(b, then) : host::start(*this, b, then);
    }
    result<void> await_resume() const noexcept { return nothing(); }

  private:
    static void no_cancel(leaf&) noexcept {}
    static constexpr leaf_kind closing{"close", &no_cancel};

    descriptor& descriptor_;
    io_handle closed_;
};

inline close_operation descriptor::close() noexcept { return close_operation(*this); }

} // namespace weft
