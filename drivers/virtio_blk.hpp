// virtio_blk: a disk. Tests: drivers/virtio_test.cpp.
#pragma once

#include <cstddef>
#include <span>

#include <drivers/virtqueue.hpp>

namespace weft::drivers {

// VIRTIO 1.1, 5.2. Any number of transfers at the same time; what does not fit into the queue waits, first in, first out.
// Resumes on the home executor. A stop withdraws what the device has not begun, with errc::cancelled; what it has begun it
// finishes. No allocation. Must outlive its operations and its interrupts, and stay where it is.
class virtio_blk {
  public:
    static constexpr std::size_t sector = 512;
    class operation;

    virtio_blk() noexcept = default;

    // Once, before all else. not_found if there is no disk at `base`; not_supported if it is of another version.
    result<void> start(std::uintptr_t base) noexcept {
        virtio_device device(base);
        auto agreed =
            device.begin(virtio_device::kind::block, virtio_device::version_1, can_flush | read_only);
        if (!agreed) return failure(agreed.error());
        features_ = *agreed;
        if (auto added = queue_.attach(device, 0); !added) return added;
        sectors_ = device.configuration_64(0);
        device.go();
        return {};
    }
    // For its interrupt.
    void interrupt() noexcept { queue_.interrupt(); }

    std::uint64_t sectors() const noexcept { return sectors_; }
    bool is_read_only() const noexcept { return features_ & read_only; }

    // Whole sectors from `first` on. invalid_argument if the buffer is none, or beyond the disk's end; io_error.
    operation read(std::uint64_t first, std::span<std::byte> to) noexcept;
    // The same; permission_denied on a disk that is read only.
    operation write(std::uint64_t first, std::span<const std::byte> from) noexcept;
    // Returns when everything whose write has returned is on the medium.
    operation flush() noexcept;

  private:
    static constexpr std::uint64_t read_only = 1 << 5, can_flush = 1 << 9;

    std::uint64_t features_ = 0;
    std::uint64_t sectors_ = 0;
    virtqueue<16> queue_;
};

class [[nodiscard("co_await it")]] virtio_blk::operation : public virtio_operation<virtio_blk::operation> {
  public:
    enum class request : std::uint32_t { read = 0, write = 1, flush = 4 };

    operation(virtio_blk& disk, request what, std::uint64_t first, const void* data,
              std::size_t bytes) noexcept
        : virtio_operation(kinds[what == request::read    ? 0
                                 : what == request::write ? 1
                                                          : 2]),
          disk_(disk), header_{what, 0, first} {
        if (what != request::flush) {
            if (bytes == 0 || bytes % sector != 0 || bytes > most_bytes || first > disk.sectors_ ||
                bytes / sector > disk.sectors_ - first)
                refused_ = errc::invalid_argument;
            else if (what == request::write && disk.is_read_only())
                refused_ = errc::permission_denied;
        }
        add(&header_, sizeof header_, false);
        if (what != request::flush) add(data, bytes, what == request::read);
        add(&status_, 1, true);
    }
    bool start(branch& b, continuation& then) noexcept {
        // A disk that writes through has nothing to flush.
        if (refused_ != errc::none || (header_.what == request::flush && !(disk_.features_ & can_flush))) {
            status_ = good;
            return finish_now(b, then);
        }
        return virtio_operation::start(b, then);
    }
    result<void> await_resume() const noexcept {
        if (refused_ != errc::none) return failure(refused_);
        if (cancelled) return failure(errc::cancelled);
        if (status_ == good) return {};
        return failure(error(status_ == unsupported ? errc::not_supported : errc::io_error, status_));
    }

    virtqueue_base& queue() noexcept { return disk_.queue_; }

  private:
    // The device counts bytes in words of 32 bits.
    static constexpr std::size_t most_bytes = std::size_t{1} << 30;
    static constexpr unsigned char good = 0, unsupported = 2, unset = 255;
    static constexpr leaf_kind kinds[] = {
        {"disk read", &virtio_operation::cancel},
        {"disk write", &virtio_operation::cancel},
        {"disk flush", &virtio_operation::cancel},
    };
    struct head {
        request what;
        std::uint32_t reserved;
        std::uint64_t first;
    };

    virtio_blk& disk_;
    head header_;
    errc refused_ = errc::none;
    unsigned char status_ = unset;
};

inline virtio_blk::operation virtio_blk::read(std::uint64_t first, std::span<std::byte> to) noexcept {
    return {*this, operation::request::read, first, to.data(), to.size()};
}
inline virtio_blk::operation virtio_blk::write(std::uint64_t first,
                                               std::span<const std::byte> from) noexcept {
    return {*this, operation::request::write, first, from.data(), from.size()};
}
inline virtio_blk::operation virtio_blk::flush() noexcept {
    return {*this, operation::request::flush, 0, nullptr, 0};
}

} // namespace weft::drivers
