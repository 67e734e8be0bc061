// virtqueue: what a driver asks a virtio device to do, and what has been done. Tests: drivers/virtio_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include <drivers/virtio_device.hpp>
#include <weft/core/atomic.hpp>
#include <weft/core/machine/wait_queue.hpp>

namespace weft::drivers {

// One memory piece of a request. Physical addresses are the program's own.
struct virtio_segment {
    void* at;
    std::uint32_t bytes;
    bool device_writes;
};

// One request to a device, and the wait for its end; stands in the awaiting frame, as the buffers do that it names. While the
// device has it, a stop changes nothing: the memory is the device's until it has given it back.
struct virtio_request : waiter {
    static constexpr unsigned most_segments = 3;

    explicit virtio_request(const leaf_kind& kind) noexcept : waiter(kind) {}

    virtio_segment segments[most_segments]; // those that the device reads come first
    std::uint8_t count = 0;
    bool cancelled = false;    // it never reached the device
    std::uint32_t written = 0; // bytes, by the device
};

// The part that does not know how many entries there are. Split virtqueues: VIRTIO 1.1, 2.6. Any context; masks interrupts
// for as long as it takes to hand over or take back requests.
class virtqueue_base {
  public:
    virtqueue_base(const virtqueue_base&) = delete;
    virtqueue_base& operator=(const virtqueue_base&) = delete;

    // Of a device that has begun and does not go yet.
    result<void> attach(virtio_device device, std::uint32_t number) noexcept {
        if (reinterpret_cast<std::uintptr_t>(descriptors_) % 16 != 0)
            port::panic(
                "a virtqueue stands where memory is not aligned to 16 bytes, as in a coroutine's frame");
        device_ = device;
        number_ = number;
        for (std::uint16_t i = 0; i < size_; ++i) descriptors_[i].next = static_cast<std::uint16_t>(i + 1);
        return device_.add_queue(number, size_, descriptors_, available_, used_);
    }
    // Hands it to the device; where there is no room, when there is. Its branch is resumed when it has come back.
    void submit(virtio_request& r) noexcept {
        lock_.lock();
        if (waiting_.empty() && r.count <= free_count_)
            give(r);
        else
            waiting_.push(r);
        lock_.unlock();
    }
    // True: the device has not seen it, and will not.
    bool withdraw(virtio_request& r) noexcept {
        lock_guard section(lock_);
        return waiting_.remove(r);
    }
    // For the interrupt of a device that has no other queue.
    void interrupt() noexcept {
        acknowledge();
        wait_queue<spin_lock>::resume_all(take_done());
    }
    // In the device's interrupt, first and once.
    void acknowledge() noexcept { device_.acknowledge(); }
    // After that: the requests that have come back, linked by `next`, in their order.
    waiter* take_done() noexcept {
        waiter_list done;
        lock_guard section(lock_);
        device_fence();
        // The index goes on all the time, and its low bits say where.
        for (; seen_ != used_->index; ++seen_) {
            device_fence();
            const used_entry& u = used_->ring[seen_ & (size_ - 1)];
            virtio_request& r = *requests_[u.head & (size_ - 1)];
            r.written = u.written;
            take_back(static_cast<std::uint16_t>(u.head & (size_ - 1)), r.count);
            done.add(r);
        }
        while (waiter* w = waiting_.front()) {
            if (static_cast<virtio_request*>(w)->count > free_count_) break;
            waiting_.pop();
            give(static_cast<virtio_request&>(*w));
        }
        return done.first();
    }

    // Where it stands, for devices that are programs.
    struct place {
        const void *descriptors, *available;
        void* used;
        std::uint16_t size;
    };
    place where() const noexcept { return {descriptors_, available_, used_, size_}; }

  protected:
    // 2.6.5, 2.6.6, 2.6.8
    struct descriptor {
        std::uint64_t address;
        std::uint32_t bytes;
        std::uint16_t flags;
        std::uint16_t next;
    };
    struct available_head {
        std::uint16_t flags;
        volatile std::uint16_t index;
        std::uint16_t ring[];
    };
    struct used_entry {
        std::uint32_t head;
        std::uint32_t written;
    };
    struct used_head {
        std::uint16_t flags;
        volatile std::uint16_t index;
        used_entry ring[];
    };

    virtqueue_base(std::uint16_t size, descriptor* descriptors, void* available, void* used,
                   virtio_request** requests) noexcept
        : size_(size), free_count_(size), descriptors_(descriptors),
          available_(static_cast<available_head*>(available)), used_(static_cast<used_head*>(used)),
          requests_(requests) {}
    ~virtqueue_base() = default;

  private:
    static constexpr std::uint16_t goes_on = 1, device_writes = 2;

    // Both under the lock.
    void give(virtio_request& r) noexcept {
        std::uint16_t head = free_;
        std::uint16_t i = head;
        for (unsigned s = 0; s < r.count; ++s) {
            descriptor& d = descriptors_[i];
            d.address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(r.segments[s].at));
            d.bytes = r.segments[s].bytes;
            d.flags = static_cast<std::uint16_t>((r.segments[s].device_writes ? device_writes : 0) |
                                                 (s + 1u < r.count ? goes_on : 0));
            i = d.next;
        }
        free_ = i;
        free_count_ = static_cast<std::uint16_t>(free_count_ - r.count);
        requests_[head] = &r;
        std::uint16_t index = available_->index;
        available_->ring[index & (size_ - 1)] = head;
        device_fence(); // it sees the entry before it sees that there is one
        available_->index = static_cast<std::uint16_t>(index + 1);
        device_fence();
        device_.notify(number_);
    }
    void take_back(std::uint16_t head, std::uint8_t count) noexcept {
        std::uint16_t last = head;
        for (unsigned i = 1; i < count; ++i) last = descriptors_[last].next;
        descriptors_[last].next = free_;
        free_ = head;
        free_count_ = static_cast<std::uint16_t>(free_count_ + count);
    }

    spin_lock lock_;
    virtio_device device_{0};
    std::uint32_t number_ = 0;
    const std::uint16_t size_;
    std::uint16_t free_ = 0; // descriptors, linked by `next`
    std::uint16_t free_count_;
    std::uint16_t seen_ = 0;
    descriptor* const descriptors_;
    available_head* const available_;
    used_head* const used_;
    virtio_request** const requests_; // by the first descriptor
    waiter_queue<spin_lock> waiting_; // a driver's own among them
};

// With Size descriptors, a power of two; a request takes one for each of its segments. Must outlive its requests and its
// interrupts, and stay where it is.
template <std::uint16_t Size> class virtqueue : public virtqueue_base {
    static_assert(Size >= 4 && (Size & (Size - 1)) == 0,
                  "the size of a virtqueue is a power of two, 4 at least");

  public:
    virtqueue() noexcept : virtqueue_base(Size, descriptors_, available_, used_, requests_) {}

  private:
    alignas(16) descriptor descriptors_[Size] = {};
    alignas(2) unsigned char available_[6 + 2 * Size] = {};
    alignas(4) unsigned char used_[6 + 8 * Size] = {};
    virtio_request* requests_[Size] = {};
};

// An operation that is one request (CRTP). Self has a constructor that fills the segments in, and
//
//     virtqueue_base& queue();
//     R await_resume();
template <class Self> class virtio_operation : public operation<Self, virtio_request> {
  public:
    using operation<Self, virtio_request>::operation;

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) [[unlikely]] {
            this->cancelled = true;
            return this->yield(b, then);
        }
        this->suspend(b, then);
        static_cast<Self*>(this)->queue().submit(*this);
        return true;
    }

  protected:
    void add(const void* at, std::size_t bytes, bool device_writes) noexcept {
        this->segments[this->count++] = {const_cast<void*>(at), static_cast<std::uint32_t>(bytes),
                                         device_writes};
    }
    static void cancel(leaf& l) noexcept {
        auto& self = static_cast<Self&>(l);
        if (!self.queue().withdraw(self)) return; // the device has it
        self.cancelled = true;
        self.owner->post();
    }
};

} // namespace weft::drivers
