// Fills the engine from a log.
#pragma once

#include "engine/engine.hpp"
#include "log_file.hpp"

#include <optional>

namespace kv {

// Executes what is in `file`, of `size` bytes, while clients are served in between, and yields the log as it goes on; nothing
// if `closing` became true meanwhile. `memory`: for what is read, a part of it. Why it fails stands in the log that people
// read; `repair`: see storage::cut_off().
weft::task<weft::result<std::optional<log_file>>> load_log(engine& kv, arena& memory, storage& where,
                                                           storage::log file, std::uint64_t size, bool repair,
                                                           const bool& closing);

} // namespace kv
