// What a server is told, on whatever machine it runs.
#pragma once

#include "engine/engine.hpp"

#include <array>

namespace kv {

struct settings {
    std::uint16_t port = 6380; // 0: no TCP
    bool append_only = true, repair_log = false;
    sync_policy sync = sync_policy::everysec;
    std::size_t rewrite_growth = 100, rewrite_min_size = std::size_t{64} << 20;
    std::size_t shutdown_seconds = 5;
    limits limit;
};

// The regions that all of its memory comes from, see engine.
struct memories {
    arena &data, &buffers, &records;
};

// Random bytes that no client can guess.
struct secrets {
    hash_seed keys, salts;
    std::array<unsigned char, 40> run_id;
};

} // namespace kv
