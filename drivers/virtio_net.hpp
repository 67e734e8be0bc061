// virtio_net: a network card, as Ethernet frames in and out. Tests: drivers/virtio_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <drivers/virtio_buffers.hpp>

namespace weft::drivers {

// VIRTIO 1.1, 5.1, without offloads. Any number of receives and transmits at the same time, first in, first out. A frame that
// comes while all `kept_frames` buffers are full waits in the host, or is lost. Resumes on the home executor. A stop ends a
// receive at once, and loses no frame; it withdraws a transmit that the card has not begun. No allocation. Must outlive its
// operations, its frames and its interrupts, and stay where it is.
class virtio_net {
  public:
    static constexpr std::size_t longest_frame = 1514;
    static constexpr unsigned kept_frames = 4;
    class frame;
    class receive_operation;
    class transmit_operation;

    virtio_net() noexcept = default;

    // Once, before all else. not_found if there is no card at `base`; not_supported if it is of another version.
    result<void> start(std::uintptr_t base) noexcept {
        virtio_device device(base);
        auto agreed = device.begin(virtio_device::kind::network, virtio_device::version_1 | has_address);
        if (!agreed) return failure(agreed.error());
        if (auto added = receives_.queue().attach(device, 0); !added) return added;
        if (auto added = transmits_.attach(device, 1); !added) return added;
        for (unsigned i = 0; i < address_.size(); ++i) address_[i] = device.configuration<std::uint8_t>(i);
        device.go();
        receives_.receive();
        return {};
    }
    // For its interrupt.
    void interrupt() noexcept {
        transmits_.interrupt(); // acknowledges
        receives_.interrupt();
    }

    const std::array<std::uint8_t, 6>& address() const noexcept { return address_; }

    // Yields the next frame; io_error for one without its header.
    receive_operation receive() noexcept;
    // Yields the frame's size when the card has taken it; invalid_argument if it is empty or longer than longest_frame.
    transmit_operation transmit(std::span<const std::byte> frame) noexcept;

  protected:
    static constexpr std::uint64_t has_address = 1 << 5;
    // 5.1.6, all zero: whole frames, checksums done.
    struct head {
        std::uint8_t flags, segmentation;
        std::uint16_t header_bytes, segment_bytes, checksum_start, checksum_offset, buffers;
    };
    static_assert(sizeof(head) == 12);

    std::array<std::uint8_t, 6> address_{};
    virtio_buffers<kept_frames, sizeof(head) + longest_frame> receives_{true};
    virtqueue<16> transmits_;
};

// A frame that has come, in the driver's memory, which goes back to the card with it. Move-only. Any context.
class virtio_net::frame {
  public:
    frame() noexcept = default;
    frame(virtio_buffers_base& home, virtio_buffer& b) noexcept : home_(&home), buffer_(&b) {}
    frame(frame&& other) noexcept : home_(other.home_), buffer_(std::exchange(other.buffer_, nullptr)) {}
    frame& operator=(frame&& other) noexcept {
        frame old(std::move(*this));
        home_ = other.home_;
        buffer_ = std::exchange(other.buffer_, nullptr);
        return *this;
    }
    ~frame() {
        if (buffer_) home_->give(*buffer_, decltype(receives_)::capacity);
    }
    std::span<std::byte> bytes() const noexcept { return buffer_->bytes().subspan(sizeof(head)); }

  private:
    friend receive_operation;
    virtio_buffers_base* home_ = nullptr;
    virtio_buffer* buffer_ = nullptr;
};

class [[nodiscard("co_await it")]] virtio_net::receive_operation : public virtio_buffers_base::operation {
  public:
    explicit receive_operation(virtio_buffers_base& b) noexcept : operation(receiving, b) {}

    result<frame> await_resume() noexcept {
        if (was_cancelled()) return failure(errc::cancelled);
        if (frame_.buffer_->written >= sizeof(head)) return std::move(frame_);
        frame_ = frame();
        return failure(errc::io_error);
    }

  private:
    static bool advance(waiter& w) noexcept {
        auto& self = static_cast<receive_operation&>(w);
        virtio_buffer* b = self.buffers_.take();
        if (b) self.frame_ = frame(self.buffers_, *b);
        return b != nullptr;
    }
    static constexpr virtio_buffers_base::operation_kind receiving{{"frame", &cancel}, &advance};

    frame frame_;
};

class [[nodiscard("co_await it")]] virtio_net::transmit_operation
    : public virtio_operation<virtio_net::transmit_operation> {
  public:
    transmit_operation(virtqueue_base& queue, std::span<const std::byte> frame) noexcept
        : virtio_operation(transmitting), queue_(queue) {
        add(&header_, sizeof header_, false);
        add(frame.data(), frame.size(), false);
    }
    bool start(branch& b, continuation& then) noexcept {
        if (is_refused()) return finish_now(b, then);
        return virtio_operation::start(b, then);
    }
    result<std::size_t> await_resume() const noexcept {
        if (is_refused()) return failure(errc::invalid_argument);
        if (cancelled) return failure(errc::cancelled);
        return std::size_t{segments[1].bytes};
    }

    virtqueue_base& queue() noexcept { return queue_; }

  private:
    bool is_refused() const noexcept { return segments[1].bytes == 0 || segments[1].bytes > longest_frame; }
    static constexpr leaf_kind transmitting{"frame sent", &virtio_operation::cancel};

    virtqueue_base& queue_;
    head header_{};
};

inline virtio_net::receive_operation virtio_net::receive() noexcept { return receive_operation(receives_); }
inline virtio_net::transmit_operation virtio_net::transmit(std::span<const std::byte> frame) noexcept {
    return {transmits_, frame};
}

} // namespace weft::drivers
