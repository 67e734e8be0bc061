// The log on a disk without a file system: two areas that take turns, and two marks that say whose turn it is.
//
//   sector 0, sector 8       a mark each: "wkvdisk1" turn:u64 checksum:u32, little-endian; the CRC-32C of what stands before it
//   sector 16 …              area 0, and area 1, half of the rest each
//
// The valid mark with the higher turn counts, and the log is in area turn % 2. The next log is made in the other area; that
// its turn has come is said by the write of one sector, over the older of the two marks. So whatever a power cut does to the
// sectors that are being written, one whole log and its mark are always there.
#pragma once

#include "../engine/journal.hpp"
#include "../log.hpp"
#include "../unreadable_end.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <weft/core/ok.hpp>
#include <weft/core/task.hpp>
#include <weft/io/buffer.hpp>

namespace kv {

// The whole disk is the server's. A disk has read(), write() and flush() as drivers::virtio_blk has.
template <class Disk> class two_logs {
  public:
    static constexpr std::size_t alignment =
        512; // a sector: no write touches one that an earlier record is in

    // One of the areas. Offsets are multiples of the alignment. Transfers one at a time, syncs beside them.
    class log {
      public:
        log() = default;
        weft::task<weft::result<std::uint64_t>> size() const;
        weft::task<weft::result<void>> read_exact_at(std::span<std::byte> to, std::uint64_t offset);
        // The rest of the last sector is zeros. errc::no_space behind the area's end, and nothing is written.
        weft::task<weft::result<void>> write_all_at(std::span<const std::byte> from, std::uint64_t offset);
        weft::task<weft::result<void>> write_all_at(std::span<weft::const_buffer> from, std::uint64_t offset);
        weft::task<weft::result<void>> sync_data() { return disk_->sync(); }
        weft::task<weft::result<void>> close();

      private:
        friend two_logs;
        log(two_logs& disk, std::uint64_t first, std::uint64_t sectors)
            : disk_{&disk}, first_{first}, sectors_{sectors} {}

        two_logs* disk_ = nullptr;
        std::uint64_t first_ = 0, sectors_ = 0;
    };

    // The disk lives as long, and is used by nobody else.
    explicit two_logs(Disk& disk) : disk_{disk} {}

    bool lock() { return true; }
    // errc::not_found on a disk that holds nothing but zeros where the marks are; errc::invalid_argument, with a line in the
    // log, if it is too small or holds something else.
    weft::task<weft::result<log>> open();
    weft::task<weft::result<log>> create();
    weft::task<weft::result<void>> replace();
    weft::task<> discard();
    // What a power cut leaves behind is overwritten by what comes next. Damage is refused: there is nobody to ask.
    weft::task<weft::result<void>> cut_off(log&, unreadable_end what);
    const char* name() const { return "on the disk"; }

  private:
    static constexpr std::uint64_t marks = 2, first_area = 16, least_sectors = first_area + 2 * 64;
    // Eight sectors apart: on a disk whose sectors are of 4 kB inside, no two are written at once.
    static constexpr std::uint64_t mark_distance = 8;
    static constexpr std::size_t mark_bytes = 20, bounce_sectors = 64;
    using sector = std::array<char, alignment>;

    static sector mark_of(std::uint64_t turn);
    static bool could_become(const sector& found, const sector& wanted);
    log area(std::uint64_t turn) {
        std::uint64_t length = (disk_.sectors() - first_area) / 2;
        return {*this, first_area + turn % marks * length, length};
    }
    weft::task<weft::result<void>> sync();
    weft::task<weft::result<void>> write(std::uint64_t first, std::span<const std::byte> sectors);

    Disk& disk_;
    std::uint64_t turn_ = 0;
    bool unsynced_ = false;
    std::array<std::byte, bounce_sectors * alignment> bounce_; // devices take whole sectors
};

template <class Disk> auto two_logs<Disk>::mark_of(std::uint64_t turn) -> sector {
    sector made{};
    std::memcpy(made.data(), "wkvdisk1", 8);
    store_little(made.data() + 8, turn, 8);
    store_little(made.data() + 16, crc32c({made.data(), 16}), 4);
    return made;
}

// Zeros, or what a write of `wanted` over zeros may leave behind when it is cut off.
template <class Disk> bool two_logs<Disk>::could_become(const sector& found, const sector& wanted) {
    for (std::size_t i = 0; i < alignment; ++i)
        if (found[i] != 0 && found[i] != wanted[i]) return false;
    return true;
}

template <class Disk> auto two_logs<Disk>::open() -> weft::task<weft::result<log>> {
    if (disk_.sectors() < least_sectors) {
        log_error("The disk has %llu sectors, and must have %llu at least",
                  static_cast<unsigned long long>(disk_.sectors()),
                  static_cast<unsigned long long>(least_sectors));
        co_return weft::failure(weft::errc::invalid_argument);
    }
    bool is_new = true;
    turn_ = 0;
    for (std::uint64_t slot = 0; slot < marks; ++slot) {
        co_await weft::ok(disk_.read(slot * mark_distance, std::span(bounce_).first(alignment)));
        sector found;
        std::memcpy(found.data(), bounce_.data(), alignment);
        std::uint64_t turn = load_little(found.data() + 8, 8);
        if (turn % marks == slot && found == mark_of(turn)) turn_ = std::max(turn_, turn);
        is_new = is_new && could_become(found, mark_of(1));
    }
    if (turn_) co_return area(turn_);
    if (is_new) co_return weft::failure(weft::errc::not_found);
    log_error("The disk holds something else than a log of this server");
    co_return weft::failure(weft::errc::invalid_argument);
}

template <class Disk> auto two_logs<Disk>::create() -> weft::task<weft::result<log>> {
    co_return area(turn_ + 1);
}
template <class Disk> weft::task<> two_logs<Disk>::discard() { co_return; }

template <class Disk> weft::task<weft::result<void>> two_logs<Disk>::replace() {
    sector mark = mark_of(turn_ + 1);
    std::memcpy(bounce_.data(), mark.data(), alignment);
    std::uint64_t slot = (turn_ + 1) % marks;
    co_await weft::ok(write(slot * mark_distance, std::span(bounce_).first(alignment)));
    co_await weft::ok(sync());
    ++turn_;
    co_return {};
}

template <class Disk> weft::task<weft::result<void>> two_logs<Disk>::sync() {
    bool was_unsynced = std::exchange(unsynced_, false);
    weft::result<void> done = co_await disk_.flush();
    if (!done) unsynced_ = was_unsynced;
    co_return done;
}

template <class Disk>
weft::task<weft::result<void>> two_logs<Disk>::write(std::uint64_t first,
                                                     std::span<const std::byte> sectors) {
    unsynced_ = true;
    co_return co_await disk_.write(first, sectors);
}

template <class Disk> weft::task<weft::result<void>> two_logs<Disk>::cut_off(log&, unreadable_end what) {
    if (!what.damaged) co_return {};
    log_error(
        "The log is damaged at byte %llu, and good records stand behind that: restore the disk from a copy",
        static_cast<unsigned long long>(what.good));
    co_return weft::failure(weft::errc::io_error);
}

template <class Disk> weft::task<weft::result<std::uint64_t>> two_logs<Disk>::log::size() const {
    co_return alignment* sectors_;
}
template <class Disk> weft::task<weft::result<void>> two_logs<Disk>::log::close() {
    co_return weft::result<void>();
}

template <class Disk>
weft::task<weft::result<void>> two_logs<Disk>::log::read_exact_at(std::span<std::byte> to,
                                                                  std::uint64_t offset) {
    if (offset % alignment) co_return weft::failure(weft::errc::invalid_argument);
    std::uint64_t from = offset / alignment;
    if (from > sectors_ || to.size() / alignment > sectors_ - from)
        co_return weft::failure(weft::errc::end_of_file);
    co_return co_await disk_->disk_.read(first_ + from, to);
}

template <class Disk>
weft::task<weft::result<void>> two_logs<Disk>::log::write_all_at(std::span<weft::const_buffer> from,
                                                                 std::uint64_t offset) {
    std::uint64_t bytes = 0, at = offset / alignment;
    for (const weft::const_buffer& part : from) bytes += part.size;
    std::uint64_t wanted = journal::round_up(bytes, alignment) / alignment;
    if (offset % alignment) co_return weft::failure(weft::errc::invalid_argument);
    if (at > sectors_ || wanted > sectors_ - at) co_return weft::failure(weft::errc::no_space);
    // An older record is on the medium before a newer one: so a broken record is always the last.
    if (disk_->unsynced_) co_await weft::ok(disk_->sync());
    auto& bounce = disk_->bounce_;
    std::size_t filled = 0;
    for (const weft::const_buffer& part : from) {
        auto* next = static_cast<const std::byte*>(part.data);
        for (std::size_t left = part.size; left;) {
            std::size_t count = std::min(left, bounce.size() - filled);
            std::memcpy(bounce.data() + filled, next, count);
            filled += count, next += count, left -= count;
            if (filled < bounce.size()) continue;
            co_await weft::ok(disk_->write(first_ + at, bounce));
            at += bounce_sectors, filled = 0;
        }
    }
    if (filled == 0) co_return {};
    std::size_t end = static_cast<std::size_t>(journal::round_up(filled, alignment));
    std::fill(bounce.begin() + static_cast<std::ptrdiff_t>(filled),
              bounce.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    co_return co_await disk_->write(first_ + at, std::span(bounce).first(end));
}

template <class Disk>
weft::task<weft::result<void>> two_logs<Disk>::log::write_all_at(std::span<const std::byte> from,
                                                                 std::uint64_t offset) {
    weft::const_buffer one[1] = {from};
    co_return co_await write_all_at(std::span<weft::const_buffer>{one}, offset);
}

} // namespace kv
