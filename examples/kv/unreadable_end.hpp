// What a log ends with that is no record.
#pragma once

#include <cstdint>

namespace kv {

struct unreadable_end {
    std::uint64_t good, size; // in order up to `good`, of so many bytes
    bool damaged;             // good records stand behind
    bool repair;              // give them up
};

} // namespace kv
