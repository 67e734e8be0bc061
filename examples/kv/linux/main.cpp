// weft-kv: a Redis-compatible server on weft.
//
//     weft-kv --port 6380 --dir data          then: redis-cli -p 6380
#include "clock.hpp"
#include "log.hpp"
#include "options.hpp"
#include "region.hpp"
#include "server.hpp"

#include <weft/runtime/log.hpp>
#include <weft/runtime/run.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kv {

std::int64_t unix_milliseconds() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

namespace {

// What weft itself has to say goes the same way.
void log_for_weft() {
    weft::set_log_sink([](weft::log_level level, std::string_view line) noexcept {
        auto say = level == weft::log_level::error     ? log_error
                   : level == weft::log_level::warning ? log_warning
                                                       : log_notice;
        say("weft: %.*s", static_cast<int>(line.size()), line.data());
    });
}

// One descriptor a client, and some for files and listeners.
void allow_descriptors(limits& limit) {
    constexpr std::size_t others = 64;
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur >= limit.clients + others) return;
    rlimit more = now;
    more.rlim_cur = limit.clients + others;
    more.rlim_max = std::max(more.rlim_max, more.rlim_cur);
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;
    more = now;
    more.rlim_cur = now.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) now = more;
    if (now.rlim_cur >= limit.clients + others) return;
    limit.clients = now.rlim_cur > 2 * others ? now.rlim_cur - others : others;
    log_warning("The system allows %llu descriptors: at most %zu clients",
                static_cast<unsigned long long>(now.rlim_cur), limit.clients);
}

secrets random_secrets() {
    secrets made{};
    if (::getrandom(&made, sizeof made, 0) != sizeof made)
        throw std::system_error(errno, std::generic_category(), "reading random bytes");
    return made;
}

bool serve(options& o) {
    allow_descriptors(o.limit);
    region data{o.memory}, buffers{o.client_memory}, records{o.log_memory};
    storage where{o.directory};
    doors clients{o};
    server s{o, clients, where, {data, buffers, records}, random_secrets()};
    s.kv.server.directory = o.directory;
    s.kv.server.log_file = "weft-kv.log";
    s.kv.server.process_id = ::getpid();
    return weft::run(s.serve()).has_value();
}

} // namespace

} // namespace kv

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
        return kv::serve(options) ? 0 : 1;
    } catch (const std::exception& e) {
        kv::log_error("The server can't run: %s", e.what());
        return 1;
    }
}
