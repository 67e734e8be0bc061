// What the command line says.
#pragma once

#include "engine/engine.hpp"

#include <string>

namespace kv {

struct options {
    std::uint16_t port = 6380; // 0: no TCP
    std::string bind = "127.0.0.1", unix_socket, directory = ".";
    bool append_only = true, repair_log = false;
    sync_policy sync = sync_policy::everysec;
    std::size_t memory, client_memory, log_memory; // of the three arenas
    std::size_t rewrite_growth = 100, rewrite_min_size = std::size_t{64} << 20;
    std::size_t shutdown_seconds = 5;
    limits limit;

    options();
};

enum class parsed { run, help, version, wrong };
// Fills in `o`; `wrong`: a sentence stands in `problem`.
parsed parse_options(int count, char** words, options& o, std::string& problem);
void print_help();

} // namespace kv
