// A virtio device behind registers in memory: who it is, and how it is set up. Tests: drivers/virtio_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/mmio.hpp>
#include <weft/core/result.hpp>

namespace weft::drivers {

// Virtual I/O Device (VIRTIO) Version 1.1, 4.2 (virtio over MMIO) and 2.1 (status). Version 2 of the registers; devices of
// the first one, which QEMU makes without `-global virtio-mmio.force-legacy=false`, are refused.
class virtio_device {
  public:
    enum class kind : std::uint32_t { none = 0, network = 1, block = 2, console = 3, entropy = 4 };
    // Feature bits of all devices (6).
    static constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;

    explicit virtio_device(std::uintptr_t base) noexcept : base_(base) {}

    // `none` where there is no device, or nothing at all that is virtio.
    kind what() const noexcept {
        constexpr std::uint32_t magic = 0x74726976;
        return at(magic_value) == magic ? static_cast<kind>(at(device_id)) : kind::none;
    }

    // Resets it, and agrees on the features: all of `required`, which has version_1 in it, and what it has of `wanted`.
    // not_found if it is something else; not_supported if it refuses. Then come the queues, and then go().
    result<std::uint64_t> begin(kind expected, std::uint64_t required, std::uint64_t wanted = 0) noexcept {
        if (what() != expected) return failure(errc::not_found);
        if (at(version) != 2) return failure(errc::not_supported);
        at(status) = 0;
        at(status) = acknowledged;
        at(status) = acknowledged | driver;
        std::uint64_t offered = features();
        if ((offered & required) != required) return give_up();
        std::uint64_t agreed = offered & (required | wanted);
        at(driver_features_select) = 0;
        at(driver_features) = static_cast<std::uint32_t>(agreed);
        at(driver_features_select) = 1;
        at(driver_features) = static_cast<std::uint32_t>(agreed >> 32);
        at(status) = acknowledged | driver | features_ok;
        if (!(at(status) & features_ok)) return give_up();
        return agreed;
    }
    // Hands over queue `number` of `size` entries, a power of two. not_supported if it cannot be that long.
    result<void> add_queue(std::uint32_t number, std::uint32_t size, const void* descriptors,
                           const void* available, const void* used) noexcept {
        at(queue_select) = number;
        if (at(queue_size_max) < size) { // none is ready: begin() has reset it
            (void)give_up();
            return failure(errc::not_supported);
        }
        at(queue_size) = size;
        set_address(queue_descriptors, descriptors);
        set_address(queue_available, available);
        set_address(queue_used, used);
        at(queue_ready) = 1;
        return {};
    }
    void go() noexcept { at(status) = acknowledged | driver | features_ok | driver_ok; }

    void notify(std::uint32_t queue) noexcept { at(queue_notify) = queue; }
    // In its interrupt, first.
    void acknowledge() noexcept { at(interrupt_acknowledge) = at(interrupt_status); }
    // The device's own registers.
    template <class Word> Word configuration(std::size_t offset) const noexcept {
        return register_at<Word>(base_ + device_configuration + offset);
    }
    // One of eight bytes: read until it holds still.
    std::uint64_t configuration_64(std::size_t offset) const noexcept {
        for (;;) {
            std::uint32_t before = at(configuration_generation);
            std::uint64_t low = configuration<std::uint32_t>(offset);
            std::uint64_t high = configuration<std::uint32_t>(offset + 4);
            if (at(configuration_generation) == before) return high << 32 | low;
        }
    }

  private:
    enum : std::uintptr_t {
        magic_value = 0x000,
        version = 0x004,
        device_id = 0x008,
        device_features = 0x010,
        device_features_select = 0x014,
        driver_features = 0x020,
        driver_features_select = 0x024,
        queue_select = 0x030,
        queue_size_max = 0x034,
        queue_size = 0x038,
        queue_ready = 0x044,
        queue_notify = 0x050,
        interrupt_status = 0x060,
        interrupt_acknowledge = 0x064,
        status = 0x070,
        queue_descriptors = 0x080,
        queue_available = 0x090,
        queue_used = 0x0a0,
        configuration_generation = 0x0fc,
        device_configuration = 0x100,
    };
    enum : std::uint32_t { acknowledged = 1, driver = 2, driver_ok = 4, features_ok = 8, failed = 128 };

    volatile std::uint32_t& at(std::uintptr_t offset) const noexcept { return register_at(base_ + offset); }
    std::uint64_t features() const noexcept {
        at(device_features_select) = 0;
        std::uint64_t low = at(device_features);
        at(device_features_select) = 1;
        return std::uint64_t{at(device_features)} << 32 | low;
    }
    void set_address(std::uintptr_t low, const void* address) noexcept {
        auto whole = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(address));
        at(low) = static_cast<std::uint32_t>(whole);
        at(low + 4) = static_cast<std::uint32_t>(whole >> 32);
    }
    std::unexpected<error> give_up() noexcept {
        at(status) = failed;
        return failure(errc::not_supported);
    }

    std::uintptr_t base_;
};

} // namespace weft::drivers
