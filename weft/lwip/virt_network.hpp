// The network of QEMU's RISC-V `virt`: its virtio card at the addresses that QEMU's user network gives to its guest.
#pragma once

#include <cstdint>
#include <span>

#include <drivers/virtio_net.hpp>
#include <drivers/virtio_rng.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/lwip/interface.hpp>
#include <weft/ports/chip/spawn.hpp>
#include <weft/ports/riscv_virt/virtio_places.hpp>

namespace weft::riscv {

namespace detail {

constinit inline slot<drivers::virtio_net> card;
constinit inline slot<drivers::virtio_rng> random;
constinit inline slot<ip_interface> network;

inline task<> receive_frames() { co_await network.value.receive_frames(); }
inline task<> send_frames() { co_await network.value.send_frames(); }

} // namespace detail

// 10.0.2.15, and the host at 10.0.2.2. Once, in a task, before sockets are made; from then on two root tasks move
// frames. not_found if there is no card.
inline result<void> start_network(std::uint32_t seed) noexcept {
    detail::card.put();
    if (auto started = start_virtio(detail::card.value); !started) return started;
    detail::network.put(detail::card.value);
    detail::network.value.start({{10, 0, 2, 15}, {255, 255, 255, 0}, {10, 0, 2, 2}}, seed);
    constexpr chip::root_options mover{.arena = 512};
    if (auto started = chip::spawn<detail::receive_frames, mover>(); !started) return started;
    return chip::spawn<detail::send_frames, mover>();
}

// The same with a seed from the virtio source of random bytes; not_found without one.
inline task<result<void>> start_network() {
    detail::random.put();
    if (auto started = start_virtio(detail::random.value); !started) co_return started;
    std::uint32_t seed = 0;
    auto came = co_await detail::random.value.read_some(std::as_writable_bytes(std::span(&seed, 1)));
    if (!came) co_return failure(came.error());
    co_return start_network(seed);
}

} // namespace weft::riscv
