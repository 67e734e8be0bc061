// virtio_rng: random bytes from the host. Tests: drivers/virtio_test.cpp.
#pragma once

#include <cstddef>
#include <span>

#include <drivers/virtqueue.hpp>

namespace weft::drivers {

// VIRTIO 1.1, 5.4. As virtio_blk in all that is not said here.
class virtio_rng {
  public:
    class operation;

    virtio_rng() noexcept = default;

    result<void> start(std::uintptr_t base) noexcept {
        virtio_device device(base);
        auto agreed = device.begin(virtio_device::kind::entropy, virtio_device::version_1);
        if (!agreed) return failure(agreed.error());
        if (auto added = queue_.attach(device, 0); !added) return added;
        device.go();
        return {};
    }
    void interrupt() noexcept { queue_.interrupt(); }

    // Yields how many bytes came, at least one of a buffer that is not empty.
    operation read_some(std::span<std::byte> to) noexcept;

  private:
    virtqueue<4> queue_;
};

class [[nodiscard("co_await it")]] virtio_rng::operation : public virtio_operation<virtio_rng::operation> {
  public:
    operation(virtio_rng& device, std::span<std::byte> to) noexcept
        : virtio_operation(reading), device_(device) {
        add(to.data(), to.size(), true);
    }
    bool start(branch& b, continuation& then) noexcept {
        if (segments[0].bytes == 0) return finish_now(b, then);
        return virtio_operation::start(b, then);
    }
    result<std::size_t> await_resume() const noexcept {
        if (cancelled) return failure(errc::cancelled);
        return written;
    }
    virtqueue_base& queue() noexcept { return device_.queue_; }

  private:
    static constexpr leaf_kind reading{"random bytes", &virtio_operation::cancel};

    virtio_rng& device_;
};

inline virtio_rng::operation virtio_rng::read_some(std::span<std::byte> to) noexcept { return {*this, to}; }

} // namespace weft::drivers
