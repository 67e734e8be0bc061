// The same server on QEMU's RISC-V `virt`, without an operating system: clients come through lwIP, and the log is on a disk.
//
//     make run-chip          then: redis-cli -p 6381
#include "clock.hpp"
#include "log.hpp"
#include "server.hpp"

#include <drivers/rtc_goldfish.hpp>
#include <drivers/virtio_net.hpp>
#include <drivers/virtio_rng.hpp>
#include <weft/core/slot.hpp>
#include <weft/lwip/interface.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>
#include <weft/ports/riscv_virt/virtio_places.hpp>

namespace kv {

namespace {

using weft::result, weft::task;

constexpr std::size_t MB = std::size_t{1} << 20;
alignas(64) std::byte data_memory[24 * MB], buffer_memory[8 * MB], record_memory[8 * MB];

weft::slot<weft::drivers::virtio_net> card;
weft::slot<weft::drivers::virtio_blk> disk;
weft::slot<weft::drivers::virtio_rng> chance;
weft::slot<weft::drivers::rtc_goldfish> day_time;
weft::slot<weft::ip_interface> network;
weft::slot<arena> data, buffers, records;
weft::slot<settings> told;
weft::slot<storage> place;
weft::slot<doors> entrance;
weft::slot<server> self;

constexpr std::uintptr_t rtc_base = 0x101000; // QEMU, hw/riscv/virt.c

settings settings_of_this_chip() {
    settings s;
    s.port = 6379;
    s.sync = sync_policy::always;
    s.rewrite_min_size = 4 * MB;
    s.limit.clients = 12; // lwIP has 16 connections, of which some may be closing
    s.limit.request.bulk = MB;
    s.limit.request.arguments = 65536;
    s.limit.query_buffer = 2 * MB;
    s.limit.output = 2 * MB;
    s.limit.subscriber_output = MB / 2;
    s.limit.queued_bytes = MB;
    return s;
}

task<> receive_frames() { co_await network.value.receive_frames(); }
task<> send_frames() { co_await network.value.send_frames(); }

template <class Driver> void start(Driver& driver, const char* name) {
    result<void> started = weft::riscv::start_virtio(driver);
    if (started) return;
    log_error("There is no %s that can be used: %s", name, started.error().message());
    weft::machine::halt(1);
}

task<result<void>> read_chance(std::span<std::byte> to) {
    while (!to.empty()) {
        result<std::size_t> came = co_await chance.value.read_some(to);
        if (!came) co_return weft::failure(came.error());
        to = to.subspan(*came);
    }
    co_return {};
}

task<> run() {
    card.put();
    disk.put();
    chance.put();
    day_time.put(rtc_base);
    start(card.value, "network card");
    start(disk.value, "disk");
    start(chance.value, "source of random bytes");

    secrets drawn{};
    std::uint32_t network_seed = 0;
    result<void> came = co_await read_chance(std::as_writable_bytes(std::span(&drawn, 1)));
    if (came) came = co_await read_chance(std::as_writable_bytes(std::span(&network_seed, 1)));
    if (!came) {
        log_error("Random bytes can't be had: %s", came.error().message());
        weft::machine::halt(1);
    }
    network.put(card.value);
    // What QEMU's user network gives its guest.
    network.value.start({{10, 0, 2, 15}, {255, 255, 255, 0}, {10, 0, 2, 2}}, network_seed);
    for (int i = 0; i < 8; ++i)
        (void)weft::chip::spawn<receive_frames, weft::chip::root_options{.instances = 8}>();
    (void)weft::chip::spawn<send_frames>();

    data.put(data_memory);
    buffers.put(buffer_memory);
    records.put(record_memory);
    told.put(settings_of_this_chip());
    place.put(disk.value);
    entrance.put(told.value.port);
    self.put(told.value, entrance.value, place.value, memories{data.value, buffers.value, records.value},
             drawn);
    self.value.kv.server.log_file = "disk";
    result<void> done = co_await self.value.serve();
    weft::machine::halt(done ? 0 : 1);
}

} // namespace

std::int64_t unix_milliseconds() { return day_time.value.now() / std::chrono::milliseconds(1); }

} // namespace kv

void weft::chip::start() { (void)spawn<kv::run>(); }
