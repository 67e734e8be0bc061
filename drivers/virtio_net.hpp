// virtio_net: a network card, as Ethernet frames in and out.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <drivers/virtqueue.hpp>

namespace weft::drivers {

// VIRTIO 1.1, 5.1, without offloads. Any number of receives and transmits at the same time: receives are filled in the order
// in which they came, and a frame that comes when there is none waits in the host, or is lost. As virtio_blk in the rest; so
// a receive that has begun ends when a frame comes, whoever asks it to stop.
class virtio_net {
  public:
    static constexpr std::size_t longest_frame = 1514;
    class operation;

    virtio_net() noexcept = default;

    // Once, before all else. not_found if there is no card at `base`; not_supported if it is of another version.
    result<void> start(std::uintptr_t base) noexcept {
        virtio_device device(base);
        auto agreed = device.begin(virtio_device::kind::network, virtio_device::version_1 | has_address);
        if (!agreed) return failure(agreed.error());
        if (auto added = receives_.attach(device, 0); !added) return added;
        if (auto added = transmits_.attach(device, 1); !added) return added;
        for (unsigned i = 0; i < address_.size(); ++i) address_[i] = device.configuration<std::uint8_t>(i);
        device.go();
        return {};
    }
    // For its interrupt.
    void interrupt() noexcept {
        receives_.interrupt();
        transmits_.interrupt();
    }

    const std::array<std::uint8_t, 6>& address() const noexcept { return address_; }

    // Yields how many bytes the next frame has; invalid_argument if the buffer is shorter than longest_frame.
    operation receive(std::span<std::byte> to) noexcept;
    // Yields the frame's size when the card has taken it; invalid_argument if it is empty or longer than longest_frame.
    operation transmit(std::span<const std::byte> frame) noexcept;

  private:
    static constexpr std::uint64_t has_address = 1 << 5;

    std::array<std::uint8_t, 6> address_{};
    virtqueue<16> receives_;
    virtqueue<16> transmits_;
};

class [[nodiscard("co_await it")]] virtio_net::operation : public virtio_operation<virtio_net::operation> {
  public:
    operation(virtqueue_base& queue, const void* frame, std::size_t bytes, bool receives) noexcept
        : virtio_operation(receives ? receiving : transmitting), queue_(queue),
          refused_(receives ? bytes < longest_frame : bytes == 0 || bytes > longest_frame) {
        add(&header_, sizeof header_, receives);
        add(frame, bytes, receives);
    }
    bool start(branch& b, continuation& then) noexcept {
        if (refused_) return finish_now(b, then);
        return virtio_operation::start(b, then);
    }
    result<std::size_t> await_resume() const noexcept {
        if (refused_) return failure(errc::invalid_argument);
        if (cancelled) return failure(errc::cancelled);
        if (!segments[1].device_writes) return std::size_t{segments[1].bytes};
        if (written < sizeof header_) return failure(errc::io_error);
        return written - sizeof header_;
    }

    virtqueue_base& queue() noexcept { return queue_; }

  private:
    static constexpr leaf_kind receiving{"frame", &virtio_operation::cancel};
    static constexpr leaf_kind transmitting{"frame sent", &virtio_operation::cancel};
    // 5.1.6, all zero: whole frames, checksums done.
    struct head {
        std::uint8_t flags, segmentation;
        std::uint16_t header_bytes, segment_bytes, checksum_start, checksum_offset, buffers;
    };
    static_assert(sizeof(head) == 12);

    virtqueue_base& queue_;
    head header_{};
    bool refused_;
};

inline virtio_net::operation virtio_net::receive(std::span<std::byte> to) noexcept {
    return {receives_, to.data(), to.size(), true};
}
inline virtio_net::operation virtio_net::transmit(std::span<const std::byte> frame) noexcept {
    return {transmits_, frame.data(), frame.size(), false};
}

} // namespace weft::drivers
