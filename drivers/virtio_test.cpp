#include <algorithm>
#include <cstring>

#include <drivers/virtio_blk.hpp>
#include <drivers/virtio_rng.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using weft::errc;
using weft::result;
using weft::task;
using namespace weft::drivers;

// A device in plain memory: its registers keep what is written, and it works when the test lets it. Bit 0 of the features
// is read for the low word and for the high one, where it is version 1.
class fake_device {
  public:
    static constexpr std::uint32_t flushes = 1 << 9, is_read_only = 1 << 5;

    fake_device(virtio_device::kind what, std::uint32_t features, std::uint64_t sectors = 0) noexcept {
        at(0x00) = 0x74726976;
        at(0x04) = 2;
        at(0x08) = static_cast<std::uint32_t>(what);
        at(0x10) = features | 1;
        at(0x34) = 1024;
        at(0x100) = static_cast<std::uint32_t>(sectors);
        at(0x104) = static_cast<std::uint32_t>(sectors >> 32);
    }
    std::uintptr_t base() noexcept { return reinterpret_cast<std::uintptr_t>(words_); }
    volatile std::uint32_t& at(std::size_t offset) noexcept { return words_[offset / 4]; }

    struct segment {
        std::byte* at;
        std::uint32_t bytes;
    };
    // Takes the next request: its segments, of which there are as many as it returns; 0: nothing is asked for.
    unsigned take(segment (&to)[3]) noexcept {
        auto* available = memory<std::uint16_t>(0x90);
        if (available[1] == seen_) return 0;
        head_ = available[2 + seen_++ % at(0x38)];
        unsigned count = 0;
        for (unsigned i = head_;;) {
            auto* d = memory<unsigned char>(0x80) + 16 * i;
            std::uint64_t address;
            std::uint32_t bytes;
            std::uint16_t flags, next;
            std::memcpy(&address, d, 8);
            std::memcpy(&bytes, d + 8, 4);
            std::memcpy(&flags, d + 12, 2);
            std::memcpy(&next, d + 14, 2);
            to[count++] = {reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address)), bytes};
            if (!(flags & 1)) return count;
            i = next;
        }
    }
    // Gives back what was taken last.
    void give_back(std::uint32_t written) noexcept {
        auto* used = memory<std::uint16_t>(0xa0);
        std::uint32_t entry[2] = {head_, written};
        std::memcpy(reinterpret_cast<unsigned char*>(used) + 4 + 8 * (used[1] % at(0x38)), entry,
                    sizeof entry);
        ++used[1];
    }

  private:
    template <class T> T* memory(std::size_t low) noexcept {
        return reinterpret_cast<T*>(static_cast<std::uintptr_t>(std::uint64_t{at(low + 4)} << 32 | at(low)));
    }

    alignas(8) volatile std::uint32_t words_[0x110 / 4] = {};
    std::uint16_t seen_ = 0;
    std::uint32_t head_ = 0;
};

// A disk of eight sectors behind it.
struct fake_disk : fake_device {
    explicit fake_disk(std::uint32_t features = flushes)
        : fake_device(virtio_device::kind::block, features, 8) {}

    std::byte sectors[8 * 512] = {};
    int flushed = 0;

    // Does one request; false if there is none.
    bool work(unsigned char status = 0) noexcept {
        segment s[3];
        unsigned n = take(s);
        if (n == 0) return false;
        std::uint32_t what;
        std::uint64_t first;
        std::memcpy(&what, s[0].at, 4);
        std::memcpy(&first, s[0].at + 8, 8);
        if (what == 4) ++flushed;
        if (n == 3 && what == 0) std::memcpy(s[1].at, sectors + 512 * first, s[1].bytes);
        if (n == 3 && what == 1) std::memcpy(sectors + 512 * first, s[1].at, s[1].bytes);
        *s[n - 1].at = static_cast<std::byte>(status);
        give_back(1);
        return true;
    }
};

// Works and interrupts until the scope's other tasks have ended.
task<> run(fake_disk& d, virtio_blk& driver, const bool& over) {
    while (!over) {
        if (d.work()) driver.interrupt();
        co_await weft::yield();
    }
}

WEFT_TEST(virtio, a_disk_writes_reads_and_flushes) {
    fake_disk device;
    virtio_blk disk;
    WEFT_REQUIRE(disk.start(device.base()).has_value());
    WEFT_CHECK_EQ(disk.sectors(), 8u);
    bool right = false, over = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn(run(device, disk, over));
        std::byte out[1024], in[1024] = {};
        for (std::size_t i = 0; i < sizeof out; ++i) out[i] = static_cast<std::byte>(i * 7);
        auto written = co_await disk.write(3, out);
        auto flushed = co_await disk.flush();
        auto read = co_await disk.read(3, in);
        right = written && flushed && read && std::equal(in, in + sizeof in, out);
        over = true;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
    WEFT_CHECK_EQ(device.flushed, 1);
}

WEFT_TEST(virtio, more_requests_than_the_queue_holds_wait_their_turn) {
    fake_disk device;
    virtio_blk disk; // sixteen descriptors, three a request
    WEFT_REQUIRE(disk.start(device.base()).has_value());
    int done = 0;
    bool over = false;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 20; ++i) {
            s.spawn([](virtio_blk& disk, int& done, bool& over, int i) -> task<> {
                std::byte sector[512];
                std::fill(sector, sector + 512, static_cast<std::byte>(i));
                auto written = co_await disk.write(static_cast<std::uint64_t>(i % 8), sector);
                if (written && ++done == 20) over = true;
            }(disk, done, over, i));
        }
        s.spawn(run(device, disk, over));
        co_return;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK_EQ(done, 20);
    for (int i = 0; i < 8; ++i) // the last of each
        WEFT_CHECK(device.sectors[512 * i] == static_cast<std::byte>(i < 4 ? i + 16 : i + 8));
}

WEFT_TEST(virtio, a_stop_waits_for_what_the_device_has_and_withdraws_the_rest) {
    fake_disk device;
    virtio_blk disk;
    WEFT_REQUIRE(disk.start(device.base()).has_value());
    int finished = 0, cancelled = 0;
    auto one = [](virtio_blk& disk, int& finished, int& cancelled) -> task<> {
        std::byte sector[512];
        auto read = co_await disk.read(0, sector);
        if (read)
            ++finished;
        else if (read.error() == errc::cancelled)
            ++cancelled;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 8; ++i) s.spawn(one(disk, finished, cancelled));
        co_await weft::yield();
        s.request_stop();
        for (int i = 0; i < 3; ++i) co_await weft::yield();
        // Five have three descriptors each, and are the device's still.
        if (cancelled != 3 || finished != 0) cancelled = -1;
        while (device.work()) disk.interrupt();
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK_EQ(finished, 5);
    WEFT_CHECK_EQ(cancelled, 3);
}

WEFT_TEST(virtio, bad_requests_are_refused_and_the_device_s_errors_are_told) {
    fake_disk device(fake_device::is_read_only);
    virtio_blk disk;
    WEFT_REQUIRE(disk.start(device.base()).has_value());
    WEFT_CHECK(disk.is_read_only());
    bool right = false;
    auto body = [&](weft::scope& s) -> task<> {
        std::byte sectors[1024];
        auto part = co_await disk.read(0, std::span(sectors).first(100));
        auto beyond = co_await disk.read(7, sectors);
        auto far = co_await disk.read(UINT64_MAX, sectors);
        auto written = co_await disk.write(0, sectors);
        auto flushed = co_await disk.flush(); // it has none: nothing to do
        right = !part && part.error() == errc::invalid_argument && !beyond && !far && !written &&
                written.error() == errc::permission_denied && flushed;
        s.spawn([](fake_disk& device, virtio_blk& disk) -> task<> {
            co_await weft::yield();
            device.work(1);
            disk.interrupt();
        }(device, disk));
        auto broken = co_await disk.read(0, sectors);
        right = right && !broken && broken.error() == errc::io_error;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

WEFT_TEST(virtio, what_is_no_such_device_is_not_started) {
    fake_disk device;
    virtio_rng rng;
    auto other = rng.start(device.base());
    WEFT_CHECK(!other && other.error() == errc::not_found);
    virtio_blk disk;
    device.at(0x04) = 1; // of the first version
    auto old = disk.start(device.base());
    WEFT_CHECK(!old && old.error() == errc::not_supported);
    device.at(0x04) = 2;
    device.at(0x34) = 8; // a queue that is too short
    auto shorter = disk.start(device.base());
    WEFT_CHECK(!shorter && shorter.error() == errc::not_supported);
}

WEFT_TEST(virtio, random_bytes_come_as_many_as_the_device_gives) {
    fake_device device(virtio_device::kind::entropy, 0);
    virtio_rng rng;
    WEFT_REQUIRE(rng.start(device.base()).has_value());
    bool right = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](fake_device& device, virtio_rng& rng) -> task<> {
            co_await weft::yield();
            fake_device::segment to[3];
            if (device.take(to) != 1 || to[0].bytes != 32) co_return;
            to[0].at[0] = std::byte{42};
            device.give_back(5);
            rng.interrupt();
        }(device, rng));
        std::byte bytes[32] = {};
        auto n = co_await rng.read_some(bytes);
        auto none = co_await rng.read_some(std::span<std::byte>());
        right = n && *n == 5 && bytes[0] == std::byte{42} && none && *none == 0;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

} // namespace
