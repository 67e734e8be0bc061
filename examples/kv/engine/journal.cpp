#include "journal.hpp"

namespace kv::journal {

namespace {

constexpr text file_mark = "weftkv1\n";
constexpr std::uint32_t record_mark = 0x7f6b7677; // "wvk" and a byte that no RESP request starts with

// `sizes` are the length and sequence as they stand in the record.
std::uint32_t checksum(std::uint64_t salt, text sizes, text contents) {
    char bytes[8];
    store_little(bytes, salt, 8);
    return crc32c(contents, crc32c(sizes, crc32c({bytes, 8})));
}

} // namespace

header file_header(std::uint64_t salt) {
    header h;
    std::memcpy(h.data(), file_mark.data(), 8);
    store_little(h.data() + 8, salt, 8);
    return h;
}

std::optional<std::uint64_t> read_file_header(text bytes) {
    if (bytes.size() < header_size || slice(bytes, 0, 8) != file_mark) return {};
    return load_little(bytes.data() + 8, 8);
}

header writer::frame(text contents) {
    header h;
    store_little(h.data(), record_mark, 4);
    store_little(h.data() + 4, contents.size(), 4);
    store_little(h.data() + 8, sequence_++, 4);
    store_little(h.data() + 12, checksum(salt_, {h.data() + 4, 8}, contents), 4);
    return h;
}

reader::status reader::check(text window, bool last, bool any_later_sequence) {
    if (window.size() < header_size) {
        wanted_ = header_size;
        return last ? status::broken : status::more;
    }
    std::uint64_t mark = load_little(window.data(), 4), length = load_little(window.data() + 4, 4);
    auto sequence = static_cast<std::uint32_t>(load_little(window.data() + 8, 4));
    bool expected = any_later_sequence ? sequence - sequence_ < 1u << 31 : sequence == sequence_;
    if (mark != record_mark || length > max_record || !expected) return status::broken;
    auto whole = static_cast<std::size_t>(round_up(header_size + length, alignment_));
    if (window.size() < whole) {
        wanted_ = whole;
        return last ? status::broken : status::more;
    }
    text contents = slice(window, header_size, static_cast<std::size_t>(length));
    if (load_little(window.data() + 12, 4) != checksum(salt_, slice(window, 4, 8), contents))
        return status::broken;
    contents_ = contents;
    consumed_ = whole;
    return status::record;
}

reader::status reader::next(text window, bool last) {
    if (window.empty() && last) return status::end;
    status s = check(window, last, false);
    if (s == status::record) ++sequence_;
    return s;
}

reader::status reader::find_later(text window, bool last) {
    for (std::size_t at = alignment_; at < window.size(); at += alignment_) {
        if (alignment_ == 1) {
            auto mark = static_cast<const char*>(
                std::memchr(window.data() + at, static_cast<int>(record_mark & 0xff), window.size() - at));
            if (!mark) break;
            at = static_cast<std::size_t>(mark - window.data());
        }
        status s = check(slice(window, at), last, true);
        if (s == status::record) return s;
        if (s == status::more) {
            consumed_ = at - alignment_; // the next call starts behind its window's first block
            wanted_ += alignment_;
            return s;
        }
    }
    if (last) return status::end;
    consumed_ = window.empty() ? 0 : (window.size() - 1) / alignment_ * alignment_;
    wanted_ = header_size + alignment_;
    return status::more;
}

} // namespace kv::journal
