// The time of day, which deadlines of keys are in.
#pragma once

#include <cstdint>

namespace kv {

// Since the beginning of 1970, UTC. The machine supplies it.
std::int64_t unix_milliseconds();

} // namespace kv
