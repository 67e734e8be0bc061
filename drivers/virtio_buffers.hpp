// virtio_buffers: memory that stays with a driver, for a device that takes its time with it. Tests: drivers/virtio_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <drivers/virtqueue.hpp>

namespace weft::drivers {

// A device keeps a buffer until something comes from outside, or somebody there takes what is in it; and what it keeps can't be
// taken back: VIRTIO 1.2's queue reset (2.6.1) would do it, but QEMU 7.2 offers that feature over MMIO without its register.
// So such buffers are the driver's, and a task waits for one that is here; its stop then leaves the device alone and loses
// nothing.
struct virtio_buffer : virtio_request {
    virtio_buffer() noexcept : virtio_request(lent) { count = 1; }

    std::byte* data() const noexcept { return static_cast<std::byte*>(segments[0].at); }
    // Of one that has come.
    std::span<std::byte> bytes() const noexcept {
        return {data() + read, std::min(written, segments[0].bytes) - read};
    }

    std::size_t read = 0;

  private:
    static void no_cancel(leaf&) noexcept {}
    static constexpr leaf_kind lent{"buffer of a device", &no_cancel};
};

// The part that does not know how many there are. Any context.
class virtio_buffers_base {
  public:
    class operation;
    struct operation_kind : leaf_kind {
        bool (*advance)(
            waiter&) noexcept; // under the lock: does what can be done; true: the operation has ended
    };

    virtio_buffers_base(const virtio_buffers_base&) = delete;
    virtio_buffers_base& operator=(const virtio_buffers_base&) = delete;

    // After the device's interrupt has been acknowledged.
    void interrupt() noexcept {
        waiter_list freed;
        lock_.lock();
        waiter* next;
        for (waiter* w = queue_.take_done(); w; w = next) {
            next = w->next;
            here_.push(*w);
            ++here_count_;
        }
        serve(freed);
        lock_.unlock();
        wait_queue<spin_lock>::resume_all(freed.first());
    }
    virtqueue_base& queue() noexcept { return queue_; }

    // In advance(), and before anybody waits. The first that is here; nullptr: none is.
    virtio_buffer* first() const noexcept { return static_cast<virtio_buffer*>(here_.front()); }
    virtio_buffer* take() noexcept {
        auto* b = static_cast<virtio_buffer*>(here_.pop());
        if (b) --here_count_;
        return b;
    }
    void put(virtio_buffer& b) noexcept {
        here_.push(b);
        ++here_count_;
    }
    bool all_are_here() const noexcept { return here_count_ == total_; }
    // To the device, with `bytes` of it to be filled or sent.
    void give(virtio_buffer& b, std::size_t bytes) noexcept {
        b.read = 0;
        b.segments[0].bytes = static_cast<std::uint32_t>(bytes);
        queue_.submit(b);
    }

  protected:
    virtio_buffers_base(virtqueue_base& queue, unsigned count) noexcept : total_(count), queue_(queue) {}
    ~virtio_buffers_base() = default;

  private:
    template <class, class> friend class weft::queued_operation;

    void serve(waiter_list& freed) noexcept {
        while (waiter* w = waiting_.front()) {
            if (!static_cast<const operation_kind*>(w->kind)->advance(*w)) return;
            waiting_.pop();
            freed.add(*w);
        }
    }

    spin_lock lock_;
    unsigned here_count_ = 0;
    const unsigned total_;
    virtqueue_base& queue_;
    waiter_queue<spin_lock> here_;
    wait_queue<spin_lock> waiting_;
};

// Base of the operations that wait for buffers. First in, first out.
class virtio_buffers_base::operation : public queued_operation<virtio_buffers_base::operation> {
    using base = queued_operation<operation>;

  public:
    using lock_type = spin_lock;
    operation(const operation_kind& k, virtio_buffers_base& b) noexcept : base(k), buffers_(b) {}

  protected:
    using base::cancel;
    virtio_buffers_base& buffers_;

  private:
    friend base;
    virtio_buffers_base& subject() noexcept { return buffers_; }
    wait_queue<spin_lock>& queue() noexcept { return buffers_.waiting_; }
    bool attempt(branch&, waiter_list&) noexcept {
        return buffers_.waiting_.empty() && static_cast<const operation_kind*>(kind)->advance(*this);
    }
    // It may have kept those behind it.
    void withdrawn(waiter_list& freed) noexcept { buffers_.serve(freed); }
};

// Count of them, a power of two, of so many bytes each.
template <std::uint16_t Count, std::size_t Bytes> class virtio_buffers : public virtio_buffers_base {
  public:
    static constexpr std::size_t capacity = Bytes;

    explicit virtio_buffers(bool device_writes) noexcept : virtio_buffers_base(ring_, Count) {
        for (each& b : buffers_) b.segments[0] = {b.memory, Bytes, device_writes};
    }
    // To a device that goes: it may fill all of them.
    void receive() noexcept {
        for (each& b : buffers_) give(b, Bytes);
    }
    // They are here, to be filled and sent.
    void send() noexcept {
        for (each& b : buffers_) put(b);
    }

  private:
    struct each : virtio_buffer {
        alignas(16) std::byte memory[Bytes];
    };
    virtqueue<Count> ring_;
    each buffers_[Count];
};

} // namespace weft::drivers
