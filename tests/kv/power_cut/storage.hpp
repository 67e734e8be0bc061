// A disk whose power goes, for the server's log.
#pragma once

#include <examples/kv/chip/two_logs.hpp>

#include <cstdint>
#include <random>
#include <vector>

namespace kv {

// What was flushed stays. Of the rest each sector is at the end what it was, what was written, or a part of either: disks
// promise no order, and this one not even whole sectors.
class failing_disk {
  public:
    explicit failing_disk(std::uint64_t sectors) : medium_(sectors * sector), seen_(medium_) {}

    // The transfer or flush with this number is the last, and is not heard of any more; 0: none is.
    void cut_at(unsigned operation, unsigned seed) {
        left_ = operation;
        chance_.seed(seed);
    }
    bool is_on() const { return on_; }
    void power_on() {
        on_ = true;
        left_ = 0;
        seen_ = medium_;
        unsafe_.clear();
    }
    unsigned operations = 0;

    std::uint64_t sectors() const { return medium_.size() / sector; }
    weft::task<weft::result<void>> read(std::uint64_t first, std::span<std::byte> to) {
        if (to.size() % sector || first * sector + to.size() > medium_.size())
            co_return weft::failure(weft::errc::invalid_argument);
        if (!goes_on()) co_return weft::failure(weft::errc::io_error);
        std::copy_n(seen_.begin() + static_cast<std::ptrdiff_t>(first * sector), to.size(), to.begin());
        co_return {};
    }
    weft::task<weft::result<void>> write(std::uint64_t first, std::span<const std::byte> from) {
        if (from.size() % sector || first * sector + from.size() > medium_.size())
            co_return weft::failure(weft::errc::invalid_argument);
        bool heard = goes_on();
        if (on_ || !heard_last_) {
            std::copy(from.begin(), from.end(), seen_.begin() + static_cast<std::ptrdiff_t>(first * sector));
            for (std::size_t i = 0; i < from.size() / sector; ++i) unsafe_.push_back(first + i);
        }
        if (heard) co_return {};
        lose();
        co_return weft::failure(weft::errc::io_error);
    }
    weft::task<weft::result<void>> flush() {
        if (!goes_on()) {
            lose();
            co_return weft::failure(weft::errc::io_error);
        }
        medium_ = seen_;
        unsafe_.clear();
        co_return {};
    }

  private:
    static constexpr std::size_t sector = 512;

    bool goes_on() {
        heard_last_ = true;
        if (!on_) return false;
        ++operations;
        if (left_ == 0 || --left_) return true;
        on_ = heard_last_ = false;
        return false;
    }
    // What the medium holds in the end.
    void lose() {
        for (std::uint64_t each : unsafe_) {
            auto at = each * sector, end = at + sector;
            switch (chance_() % 4) {
            case 0: break;
            case 1: end = at + some_bytes(); break; // its beginning
            case 2: at = at + some_bytes(); break;  // its end
            default:;
            }
            if (chance_() % 4 == 0) continue;
            for (; at < end; ++at) medium_[at] = seen_[at];
        }
        unsafe_.clear();
    }

    // Often a few: heads and marks stand at the beginning.
    std::size_t some_bytes() { return chance_() % (chance_() % 2 ? 24 : sector); }

    std::vector<std::byte> medium_, seen_;
    std::vector<std::uint64_t> unsafe_; // written and not flushed
    unsigned left_ = 0;
    bool on_ = true, heard_last_ = true;
    std::mt19937 chance_;
};

using storage = two_logs<failing_disk>;

} // namespace kv
