// What the command line says.
#pragma once

#include "settings.hpp"

#include <string>

namespace kv {

struct options : settings {
    std::string bind = "127.0.0.1", unix_socket, directory = ".";
    std::size_t memory, client_memory, log_memory; // of the three arenas

    options();
};

enum class parsed { run, help, version, wrong };
// Fills in `o`; `wrong`: a sentence stands in `problem`.
parsed parse_options(int count, char** words, options& o, std::string& problem);
void print_help();

} // namespace kv
