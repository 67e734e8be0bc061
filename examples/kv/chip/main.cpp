// The same server on QEMU's RISC-V `virt`, without an operating system: clients come through lwIP, and the log is on a disk.
//
//     make run-chip          then: redis-cli -p 6381
#include "clock.hpp"
#include "log.hpp"
#include "server.hpp"

#include <drivers/rtc_goldfish.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/lwip/virt_network.hpp>
#include <weft/ports/chip/machine.hpp>

namespace kv {

namespace {

using weft::result, weft::task;

constexpr std::size_t MB = std::size_t{1} << 20;
alignas(64) std::byte data_memory[24 * MB], buffer_memory[8 * MB], record_memory[8 * MB];

// Devices read these, so they stand where memory is aligned for them.
constinit weft::slot<weft::drivers::virtio_blk> disk_place;
constinit weft::slot<weft::drivers::virtio_rng> chance_place;

constexpr std::uintptr_t rtc_base = 0x101000; // QEMU, hw/riscv/virt.c
const weft::drivers::rtc_goldfish* day_time;

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

// Ends the machine if it did not work.
void must(const result<void>& done, const char* what) {
    if (done) return;
    log_error("%s can't be used: %s", what, done.error().message());
    weft::machine::halt(1);
}

task<result<void>> fill(weft::drivers::virtio_rng& chance, std::span<std::byte> to) {
    while (!to.empty()) {
        result<std::size_t> came = co_await chance.read_some(to);
        if (!came) co_return weft::failure(came.error());
        to = to.subspan(*came);
    }
    co_return {};
}

// All that serves is in this task's frame, which never goes.
task<> run() {
    weft::drivers::rtc_goldfish rtc(rtc_base);
    day_time = &rtc;
    disk_place.put();
    chance_place.put();
    auto& disk = disk_place.value;
    auto& chance = chance_place.value;
    must(weft::riscv::start_virtio(disk), "The disk");
    must(weft::riscv::start_virtio(chance), "The source of random bytes");
    struct {
        secrets server;
        std::uint32_t network;
    } drawn{};
    result<void> came = co_await fill(chance, std::as_writable_bytes(std::span(&drawn, 1)));
    must(came, "The source of random bytes");
    must(weft::riscv::start_network(drawn.network), "The network card");

    arena data{data_memory}, buffers{buffer_memory}, records{record_memory};
    settings told = settings_of_this_chip();
    storage where{disk};
    doors clients{told.port};
    server s{told, clients, where, {data, buffers, records}, drawn.server};
    s.kv.server.log_file = "disk";
    result<void> done = co_await s.serve();
    weft::machine::halt(done ? 0 : 1);
}

} // namespace

std::int64_t unix_milliseconds() { return day_time->now() / std::chrono::milliseconds(1); }

} // namespace kv

void weft::chip::start() { (void)spawn<kv::run>(); }
