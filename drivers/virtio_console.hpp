// virtio_console: a serial line to the host. Tests: drivers/virtio_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include <drivers/virtio_buffers.hpp>

namespace weft::drivers {

// VIRTIO 1.1, 5.3, the first port. Meets hal::async_serial. Several readers, and several writers, are served first in, first
// out, and what they write does not mix. What comes while nobody reads stands in four buffers of 64 bytes, and then waits in
// the host; what is written goes through as many. QEMU's console itself drops what its other end does not take at once.
// Operations in tasks on any executor, resumed on their home executor;
// interrupt() in the device's. No allocation. Must outlive its waits and its interrupts, and stay where it is.
class virtio_console {
  public:
    class read_operation;
    class write_operation;
    class flush_operation;

    virtio_console() noexcept = default;

    // Once, before all else. not_found if there is no console at `base`; not_supported if it is of another version.
    result<void> start(std::uintptr_t base) noexcept {
        virtio_device device(base);
        auto agreed = device.begin(virtio_device::kind::console, virtio_device::version_1);
        if (!agreed) return failure(agreed.error());
        if (auto added = in_.queue().attach(device, 0); !added) return added;
        if (auto added = out_.queue().attach(device, 1); !added) return added;
        device.go();
        in_.receive();
        out_.send();
        return {};
    }
    // For its interrupt.
    void interrupt() noexcept {
        in_.queue().acknowledge();
        in_.interrupt();
        out_.interrupt();
    }

    // Yields how many bytes have come, at least one, or 0 for an empty buffer; errc::cancelled if a stop came first: then no
    // byte was taken.
    read_operation read_some(std::span<std::byte> to) noexcept;
    // Returns when the last byte is in the driver's buffers, and yields how many there were. errc::cancelled after a stop;
    // the operation's written() is how many have gone by then, and they go on their way.
    write_operation write_all(std::span<const std::byte> from) noexcept;
    // Returns when the host has taken everything that was written before.
    flush_operation flush() noexcept;

  protected:
    using buffers = virtio_buffers<4, 64>;
    buffers in_{true}, out_{false};
};

class [[nodiscard("co_await it")]] virtio_console::read_operation : public virtio_buffers_base::operation {
  public:
    read_operation(virtio_buffers_base& in, std::span<std::byte> to) noexcept
        : operation(reading, in), to_(to) {}

    result<std::size_t> await_resume() const noexcept {
        if (was_cancelled()) return failure(errc::cancelled);
        return count_;
    }

  private:
    static bool advance(waiter& w) noexcept {
        auto& self = static_cast<read_operation&>(w);
        while (self.count_ != self.to_.size()) {
            virtio_buffer* b = self.buffers_.first();
            if (!b) break;
            auto bytes = b->bytes();
            std::size_t n = std::min(bytes.size(), self.to_.size() - self.count_);
            std::copy_n(bytes.begin(), n, self.to_.begin() + static_cast<std::ptrdiff_t>(self.count_));
            self.count_ += n;
            b->read += n;
            if (n == bytes.size()) self.buffers_.give(*self.buffers_.take(), buffers::capacity);
        }
        return self.count_ != 0 || self.to_.empty();
    }
    static constexpr virtio_buffers_base::operation_kind reading{{"console read", &cancel}, &advance};

    std::span<std::byte> to_;
    std::size_t count_ = 0;
};

class [[nodiscard("co_await it")]] virtio_console::write_operation : public virtio_buffers_base::operation {
  public:
    write_operation(virtio_buffers_base& out, std::span<const std::byte> from) noexcept
        : operation(writing, out), from_(from) {}

    result<std::size_t> await_resume() const noexcept {
        if (was_cancelled()) return failure(errc::cancelled);
        return written_;
    }
    // After the wait, also where it was cancelled.
    std::size_t written() const noexcept { return written_; }

  private:
    static bool advance(waiter& w) noexcept {
        auto& self = static_cast<write_operation&>(w);
        while (self.written_ != self.from_.size()) {
            virtio_buffer* b = self.buffers_.take();
            if (!b) return false;
            std::size_t n = std::min(self.from_.size() - self.written_, buffers::capacity);
            std::copy_n(self.from_.begin() + static_cast<std::ptrdiff_t>(self.written_), n, b->data());
            self.written_ += n;
            self.buffers_.give(*b, n);
        }
        return true;
    }
    static constexpr virtio_buffers_base::operation_kind writing{{"console write", &cancel}, &advance};

    std::span<const std::byte> from_;
    std::size_t written_ = 0;
};

class [[nodiscard("co_await it")]] virtio_console::flush_operation : public virtio_buffers_base::operation {
  public:
    explicit flush_operation(virtio_buffers_base& out) noexcept : operation(flushing, out) {}

    result<void> await_resume() const noexcept {
        if (was_cancelled()) return failure(errc::cancelled);
        return {};
    }

  private:
    static bool advance(waiter& w) noexcept {
        return static_cast<flush_operation&>(w).buffers_.all_are_here();
    }
    static constexpr virtio_buffers_base::operation_kind flushing{{"console flush", &cancel}, &advance};
};

inline virtio_console::read_operation virtio_console::read_some(std::span<std::byte> to) noexcept {
    return {in_, to};
}
inline virtio_console::write_operation virtio_console::write_all(std::span<const std::byte> from) noexcept {
    return {out_, from};
}
inline virtio_console::flush_operation virtio_console::flush() noexcept { return flush_operation(out_); }

} // namespace weft::drivers
