// weft-kv: a Redis-compatible server on weft.
//
//     weft-kv --port 6380 --dir data          then: redis-cli -p 6380
#include "log.hpp"
#include "server.hpp"

#include <weft/runtime/run.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

int main(int count, char** words) {
    kv::options options;
    std::string problem;
    switch (kv::parse_options(count, words, options, problem)) {
    case kv::parsed::run: break;
    case kv::parsed::help: return kv::print_help(), 0;
    case kv::parsed::version: return std::puts("weft-kv 0.1.0"), 0;
    case kv::parsed::wrong:
        std::fprintf(stderr, "weft-kv: %s. --help lists the options.\n", problem.c_str());
        return 2;
    }
    kv::log_for_weft();
    std::signal(SIGXFSZ, SIG_IGN); // a log that may not grow is a write error like others
    try {
        kv::server server(options);
        return weft::run(server.serve()) ? 0 : 1;
    } catch (const std::exception& e) {
        kv::log_error("The server can't run: %s", e.what());
        return 1;
    }
}
