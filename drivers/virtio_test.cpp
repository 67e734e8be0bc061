#include <algorithm>
#include <cstring>
#include <string_view>

#include <drivers/hal.hpp>
#include <drivers/virtio_blk.hpp>
#include <drivers/virtio_console.hpp>
#include <drivers/virtio_net.hpp>
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

// The device's end of a queue.
class fake_queue {
  public:
    struct segment {
        std::byte* at;
        std::uint32_t bytes;
    };

    fake_queue() = default;
    fake_queue(unsigned char* descriptors, unsigned char* available, unsigned char* used, std::uint16_t size)
        : descriptors_(descriptors), available_(reinterpret_cast<std::uint16_t*>(available)),
          used_(reinterpret_cast<std::uint16_t*>(used)), size_(size) {}
    explicit fake_queue(virtqueue_base& q)
        : fake_queue(bytes(q.where().descriptors), bytes(q.where().available), bytes(q.where().used),
                     q.where().size) {}

    // Takes the next request: its segments, of which there are as many as it returns; 0: nothing is asked for.
    unsigned take(segment (&to)[3]) noexcept {
        if (available_[1] == seen_) return 0;
        head_ = available_[2 + seen_++ % size_];
        unsigned count = 0;
        for (unsigned i = head_;;) {
            auto* d = descriptors_ + 16 * i;
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
        std::uint32_t entry[2] = {head_, written};
        std::memcpy(reinterpret_cast<unsigned char*>(used_) + 4 + 8 * (used_[1] % size_), entry,
                    sizeof entry);
        ++used_[1];
    }
    // The next request of one segment is filled with that, or read as that.
    bool fill(std::string_view text, std::size_t after = 0) noexcept {
        segment s[3];
        if (take(s) != 1 || s[0].bytes < after + text.size()) return false;
        std::memset(s[0].at, 0, after);
        std::memcpy(s[0].at + after, text.data(), text.size());
        give_back(static_cast<std::uint32_t>(after + text.size()));
        return true;
    }
    std::string_view drain() noexcept {
        segment s[3];
        if (take(s) != 1) return {};
        give_back(0);
        return {reinterpret_cast<const char*>(s[0].at), s[0].bytes};
    }

  private:
    static unsigned char* bytes(const void* p) { return static_cast<unsigned char*>(const_cast<void*>(p)); }

    unsigned char* descriptors_ = nullptr;
    std::uint16_t* available_ = nullptr;
    std::uint16_t* used_ = nullptr;
    std::uint16_t size_ = 1;
    std::uint16_t seen_ = 0;
    std::uint32_t head_ = 0;
};

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

    // The queue that was added last.
    fake_queue queue() noexcept {
        return {memory(0x80), memory(0x90), memory(0xa0), static_cast<std::uint16_t>(at(0x38))};
    }

  private:
    unsigned char* memory(std::size_t low) noexcept {
        return reinterpret_cast<unsigned char*>(
            static_cast<std::uintptr_t>(std::uint64_t{at(low + 4)} << 32 | at(low)));
    }

    alignas(8) volatile std::uint32_t words_[0x110 / 4] = {};
};

// A disk of eight sectors behind it.
struct fake_disk : fake_device {
    explicit fake_disk(std::uint32_t features = flushes)
        : fake_device(virtio_device::kind::block, features, 8) {}

    std::byte sectors[8 * 512] = {};
    int flushed = 0;
    fake_queue requests;

    result<void> start(virtio_blk& disk) noexcept {
        auto started = disk.start(base());
        requests = queue();
        return started;
    }
    // Does one request; false if there is none.
    bool work(unsigned char status = 0) noexcept {
        fake_queue::segment s[3];
        unsigned n = requests.take(s);
        if (n == 0) return false;
        std::uint32_t what;
        std::uint64_t first;
        std::memcpy(&what, s[0].at, 4);
        std::memcpy(&first, s[0].at + 8, 8);
        if (what == 4) ++flushed;
        if (n == 3 && what == 0) std::memcpy(s[1].at, sectors + 512 * first, s[1].bytes);
        if (n == 3 && what == 1) std::memcpy(sectors + 512 * first, s[1].at, s[1].bytes);
        *s[n - 1].at = static_cast<std::byte>(status);
        requests.give_back(1);
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
    WEFT_REQUIRE(device.start(disk).has_value());
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
    WEFT_REQUIRE(device.start(disk).has_value());
    int came = 0, done = 0;
    bool over = false;
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 20; ++i) {
            s.spawn([](virtio_blk& disk, int& came, int& done, bool& over, int i) -> task<> {
                ++came;
                std::byte sector[512];
                std::fill(sector, sector + 512, static_cast<std::byte>(i));
                auto written = co_await disk.write(static_cast<std::uint64_t>(i % 8), sector);
                if (written && ++done == 20) over = true;
            }(disk, came, done, over, i));
            co_await weft::testing::until([&] { return came == i + 1; });
        }
        s.spawn(run(device, disk, over));
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
    WEFT_REQUIRE(device.start(disk).has_value());
    int came = 0, finished = 0, cancelled = 0;
    auto one = [](virtio_blk& disk, int& came, int& finished, int& cancelled) -> task<> {
        ++came;
        std::byte sector[512];
        auto read = co_await disk.read(0, sector);
        if (read)
            ++finished;
        else if (read.error() == errc::cancelled)
            ++cancelled;
    };
    auto body = [&](weft::scope& s) -> task<> {
        for (int i = 0; i < 8; ++i) s.spawn(one(disk, came, finished, cancelled));
        co_await weft::testing::until([&] { return came == 8; });
        s.request_stop();
        co_await weft::testing::until([&] { return cancelled >= 3; });
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
    WEFT_REQUIRE(device.start(disk).has_value());
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
    fake_queue requests = device.queue();
    bool right = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](fake_queue& device, virtio_rng& rng) -> task<> {
            co_await weft::yield();
            fake_queue::segment to[3];
            if (device.take(to) != 1 || to[0].bytes != 32) co_return;
            to[0].at[0] = std::byte{42};
            device.give_back(5);
            rng.interrupt();
        }(requests, rng));
        std::byte bytes[32] = {};
        auto n = co_await rng.read_some(bytes);
        auto none = co_await rng.read_some(std::span<std::byte>());
        right = n && *n == 5 && bytes[0] == std::byte{42} && none && *none == 0;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

std::string_view text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// A card and the host's ends of its queues.
struct card : virtio_net {
    static constexpr std::size_t header = sizeof(head);
    fake_device device{virtio_device::kind::network, has_address};
    fake_queue to_us, from_us;

    result<void> begin() {
        device.at(0x100) = 0x33221100;
        device.at(0x104) = 0x5544;
        auto started = start(device.base());
        to_us = fake_queue(receives_.queue());
        from_us = fake_queue(transmits_);
        return started;
    }
    bool arrive(std::string_view frame) {
        bool room = to_us.fill(frame, header);
        interrupt();
        return room;
    }
};

WEFT_TEST(virtio, frames_come_and_go) {
    card net;
    WEFT_REQUIRE(net.begin().has_value());
    WEFT_CHECK(net.address()[0] == 0 && net.address()[5] == 0x55);
    bool right = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](card& net) -> task<> {
            co_await weft::yield();
            net.arrive("hello");
        }(net));
        auto frame = co_await net.receive();
        right = frame && text(frame->bytes()) == "hello";
        s.spawn([](card& net, bool& right) -> task<> {
            co_await weft::yield();
            fake_queue::segment sent[3];
            unsigned n = net.from_us.take(sent);
            right = right && n == 2 && sent[0].bytes == card::header &&
                    text({sent[1].at, sent[1].bytes}) == "frame";
            net.from_us.give_back(0);
            net.interrupt();
        }(net, right));
        auto sent = co_await net.transmit(bytes("frame"));
        auto none = co_await net.transmit({});
        right = right && sent && *sent == 5 && !none && none.error() == errc::invalid_argument;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

WEFT_TEST(virtio, a_stopped_receive_ends_at_once_and_loses_no_frame) {
    card net;
    WEFT_REQUIRE(net.begin().has_value());
    int stopped = 0, came = 0;
    auto body = [&]() -> task<> {
        for (char c = 'a'; c < 'a' + 20; ++c) {
            auto ended = co_await weft::when_any(net.receive(), weft::yield());
            stopped += !ended.get<0>() && ended.get<0>().error() == errc::cancelled;
            if (!net.arrive({&c, 1})) co_return;
            auto frame = co_await net.receive();
            came += frame && text(frame->bytes()) == std::string_view(&c, 1);
        }
    };
    weft::testing::run(body());
    WEFT_CHECK_EQ(stopped, 20);
    WEFT_CHECK_EQ(came, 20);
}

WEFT_TEST(virtio, frames_that_are_kept_are_the_card_s_again_when_they_go) {
    card net;
    WEFT_REQUIRE(net.begin().has_value());
    bool right = true;
    auto body = [&]() -> task<> {
        virtio_net::frame kept[virtio_net::kept_frames];
        for (auto& each : kept) {
            right = right && net.arrive("x");
            auto frame = co_await net.receive();
            if (frame) each = std::move(*frame);
        }
        right = right && !net.arrive("lost"); // it has no buffer
        kept[1] = {};
        right = right && net.arrive("y") && text(kept[0].bytes()) == "x";
        auto frame = co_await net.receive();
        right = right && frame && text(frame->bytes()) == "y";
        // One that is shorter than its header.
        kept[2] = {};
        fake_queue::segment s[3];
        right = right && net.to_us.take(s) == 1;
        net.to_us.give_back(3);
        net.interrupt();
        auto broken = co_await net.receive();
        right = right && !broken && broken.error() == errc::io_error;
        for (auto& each : kept) each = {};
        if (frame) *frame = {};
        for (unsigned i = 0; i < virtio_net::kept_frames; ++i) right = right && net.arrive("z");
    };
    weft::testing::run(body());
    WEFT_CHECK(right);
}

// A console and the host's ends of its queues.
struct console : virtio_console {
    fake_device device{virtio_device::kind::console, 0};
    fake_queue to_us, from_us;

    result<void> begin() {
        auto started = start(device.base());
        to_us = fake_queue(in_.queue());
        from_us = fake_queue(out_.queue());
        return started;
    }
    bool arrive(std::string_view text) {
        bool room = to_us.fill(text);
        interrupt();
        return room;
    }
    // The host takes the next buffer: is that in it?
    bool leaves(std::string_view expected) {
        bool right = from_us.drain() == expected;
        interrupt();
        return right;
    }
};
static_assert(weft::hal::async_serial<virtio_console>);

WEFT_TEST(virtio, a_console_reads_what_came_in_any_pieces) {
    console c;
    WEFT_REQUIRE(c.begin().has_value());
    bool right = true;
    auto body = [&](weft::scope& s) -> task<> {
        std::byte to[6];
        for (int round = 0; round < 3; ++round) { // all buffers go round
            right = right && c.arrive("abcd") && c.arrive("efg") && c.arrive("h");
            auto first = co_await c.read_some(to);
            right = right && first && text(std::span(to).first(*first)) == "abcdef";
            auto second = co_await c.read_some(to);
            right = right && second && text(std::span(to).first(*second)) == "gh";
            auto stopped = co_await weft::when_any(c.read_some(to), weft::yield());
            right = right && !stopped.get<0>() && stopped.get<0>().error() == errc::cancelled;
        }
        s.spawn([](console& c) -> task<> {
            co_await weft::yield();
            c.arrive("later");
        }(c));
        auto later = co_await c.read_some(to);
        auto none = co_await c.read_some(std::span<std::byte>());
        right = right && later && text(std::span(to).first(*later)) == "later" && none && *none == 0;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

WEFT_TEST(virtio, a_console_writes_through_its_buffers_and_a_stop_says_how_far) {
    console c;
    WEFT_REQUIRE(c.begin().has_value());
    char long_text[300];
    for (std::size_t i = 0; i < sizeof long_text; ++i) long_text[i] = static_cast<char>('a' + i % 26);
    std::string_view whole_text{long_text, sizeof long_text};
    bool right = true;
    auto body = [&](weft::scope& s) -> task<> {
        auto writing = c.write_all(bytes(whole_text));
        auto ended = co_await weft::when_any(writing, weft::yield());
        right = right && ended.first == 1 && writing.written() == 256;
        auto flushing = co_await weft::when_any(c.flush(), weft::yield());
        right = right && flushing.first == 1;
        s.spawn([](console& c, std::string_view text, bool& right) -> task<> {
            co_await weft::yield();
            for (std::size_t i = 0; i < 256; i += 64) right = c.leaves({text.data() + i, 64}) && right;
            right = c.leaves("after") && right;
        }(c, whole_text, right));
        auto next = co_await c.write_all(bytes("after"));
        auto flushed = co_await c.flush();
        right = right && next && *next == 5 && flushed && c.leaves({});
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

} // namespace
