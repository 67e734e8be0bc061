// One log on the medium, to which records are added.
#pragma once

#include "engine/journal.hpp"
#include "storage.hpp"

namespace kv {

// A multiple of the storage's alignment.
constexpr std::uint64_t aligned(std::uint64_t n) { return journal::round_up(n, storage::alignment); }

// What is appended becomes one record.
struct log_file {
    storage::log file;
    journal::writer records;
    std::uint64_t size = 0, synced = 0;

    explicit log_file(std::uint64_t salt, std::uint32_t next_sequence = 0) : records{salt, next_sequence} {}
    // All or nothing: after an error the next one is written to the same place.
    weft::task<weft::result<void>> append(text contents);
    weft::task<weft::result<void>> sync();
};

} // namespace kv
