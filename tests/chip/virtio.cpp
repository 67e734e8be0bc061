// The virtio devices of QEMU's `virt`: a disk of 64 sectors at least, and random bytes.
#include <algorithm>

#include <drivers/virtio_blk.hpp>
#include <drivers/virtio_rng.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/core/scope.hpp>
#include <weft/ports/chip/spawn.hpp>
#include <weft/ports/riscv_virt/virtio_places.hpp>

#include "check.hpp"

namespace {

using chip_test::check;
using weft::task;
using weft::drivers::virtio_blk;
using weft::drivers::virtio_rng;

weft::slot<virtio_blk> disk_place;
weft::slot<virtio_rng> random_place;

bool holds(const std::byte* sector, unsigned number) {
    for (unsigned i = 0; i < virtio_blk::sector; ++i)
        if (sector[i] != static_cast<std::byte>(number * 31 + i)) return false;
    return true;
}

task<> write_one(virtio_blk& disk, unsigned number, unsigned& done) {
    std::byte sector[virtio_blk::sector];
    for (unsigned i = 0; i < sizeof sector; ++i) sector[i] = static_cast<std::byte>(number * 31 + i);
    auto written = co_await disk.write(number, sector);
    if (written) ++done;
}

task<> test() {
    disk_place.put();
    random_place.put();
    virtio_blk& disk = disk_place.value;
    virtio_rng& random = random_place.value;
    check(weft::riscv::start_virtio(disk).has_value(), "a disk starts");
    check(weft::riscv::start_virtio(random).has_value(), "a source of random bytes starts");
    check(disk.sectors() >= 64, "the disk's size is known");

    unsigned done = 0;
    auto body = [&](weft::scope& s) -> task<> {
        for (unsigned i = 0; i < 12; ++i) s.spawn(write_one(disk, i, done));
        co_return;
    };
    auto all = co_await weft::with_scope(body);
    check(all && done == 12, "twelve tasks write at the same time, more than the queue holds");
    auto flushed = co_await disk.flush();
    check(flushed.has_value(), "a flush returns");

    std::byte sectors[4 * virtio_blk::sector];
    bool right = true;
    for (unsigned first = 0; first < 12; first += 4) {
        auto read = co_await disk.read(first, sectors);
        for (unsigned i = 0; i < 4; ++i)
            right = right && read && holds(sectors + i * virtio_blk::sector, first + i);
    }
    check(right, "what was written is read again");
    auto beyond = co_await disk.read(disk.sectors(), sectors);
    check(!beyond && beyond.error() == weft::errc::invalid_argument, "a read beyond the end is refused");

    std::byte one[32] = {}, other[32] = {};
    auto first = co_await random.read_some(one);
    auto second = co_await random.read_some(other);
    check(first && second && *first != 0 && *second != 0 && !std::equal(one, one + 32, other),
          "random bytes come, and they differ");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 16384, .branches = 13}>(); }
