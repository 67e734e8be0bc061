// Where QEMU's RISC-V `virt` has its virtio devices.
#pragma once

#include <cstdint>

#include <weft/core/result.hpp>
#include <weft/ports/chip/interrupt.hpp>

namespace weft::riscv {

// Starts the driver at the first place with a device of its kind, and attaches its interrupt. not_found if there is none;
// else what start() says. The driver has start(address), which yields not_found where another device is, and interrupt(), and
// lives for ever. In tasks or before they run.
template <class Driver> result<void> start_virtio(Driver& driver) noexcept {
    // QEMU, hw/riscv/virt.c
    constexpr std::uintptr_t first_place = 0x10001000, place_bytes = 0x1000;
    constexpr unsigned places = 8, first_interrupt = 1;
    for (unsigned i = 0; i < places; ++i) {
        result<void> started = driver.start(first_place + i * place_bytes);
        if (!started && started.error() == errc::not_found) continue;
        if (started)
            chip::attach_interrupt(
                first_interrupt + i, [](void* d) noexcept { static_cast<Driver*>(d)->interrupt(); }, &driver);
        return started;
    }
    return failure(errc::not_found);
}

} // namespace weft::riscv
