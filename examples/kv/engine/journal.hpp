// The log's form on disk: records with checksums, so that what a crash leaves behind can be told from damage.
//
//   file   = "weftkv1\n" salt:u64, then records
//   record = magic:u32 length:u32 sequence:u32 checksum:u32, then `length` bytes of whole requests in RESP
//
// Integers are little-endian. The checksum is the CRC-32C of salt, length, sequence and contents. The salt is random
// for each file: so no client can store a value that looks like a record, and a file's left-over bytes on a
// reused block are no records of it either. Sequences count up by one from 0. Where the medium is written in blocks, the
// header and each record begin a block of their own, so that no write can harm what an earlier one has left.
#pragma once

#include "hash.hpp"
#include "text.hpp"

namespace kv::journal {

inline constexpr std::size_t header_size = 16;
inline constexpr std::size_t max_record = std::size_t{1} << 30; // bytes of contents
// The next multiple of `alignment`.
constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t alignment) {
    return (n + alignment - 1) / alignment * alignment;
}
using header = std::array<char, header_size>;

header file_header(std::uint64_t salt);
std::optional<std::uint64_t> read_file_header(text bytes); // the salt; nothing if it isn't such a file

class writer {
  public:
    explicit writer(std::uint64_t salt, std::uint32_t next_sequence = 0)
        : salt_{salt}, sequence_{next_sequence} {}
    // What is to be written in front of these contents, which become the next record.
    header frame(text contents);

  private:
    std::uint64_t salt_;
    std::uint32_t sequence_;
};

// Reads records from a window that the caller slides over the file.
class reader {
  public:
    // The window begins at a multiple of `alignment`, as all records do.
    explicit reader(std::uint64_t salt, std::size_t alignment = 1) : salt_{salt}, alignment_{alignment} {}

    enum class status : std::uint8_t {
        record, // contents() is one; the window may go on by consumed()
        more,   // the window must hold wanted() bytes
        end,    // nothing is left
        broken, // there is no whole record here
    };
    // Looks at the window's start. `last`: the file ends with the window.
    status next(text window, bool last);

    text contents() const { return contents_; }
    std::size_t consumed() const { return consumed_; }
    std::size_t wanted() const { return wanted_; }
    std::uint32_t next_sequence() const { return sequence_; }

    // Behind a broken place: looks for any later record. `record`: there is one, so the file is damaged and not just
    // cut short. `more`: go on by consumed() and hold wanted() bytes. `end`: there is none.
    status find_later(text window, bool last);

  private:
    status check(text window, bool last, bool any_later_sequence);

    std::uint64_t salt_;
    std::size_t alignment_;
    std::uint32_t sequence_ = 0;
    text contents_;
    std::size_t consumed_ = 0, wanted_ = 0;
};

} // namespace kv::journal
