#include "options.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace kv {

namespace {

bool parse_into(text s, std::size_t& to) {
    auto size = parse_size(s);
    to = size.value_or(0);
    return size.has_value();
}

bool parse_yes(text s, bool& to) {
    to = same_word(s, "yes");
    return to || same_word(s, "no");
}

struct option {
    const char* name;
    const char* value; // what --help calls it; nullptr: a switch
    const char* help;
    const char* wanted; // what a value must be
    bool (*set)(options&, text);
};

#define KV_SIZE(field) [](options& o, text s) { return parse_into(s, o.field); }
#define KV_TEXT(field)                                                                                       \
    [](options& o, text s) {                                                                                 \
        o.field = s;                                                                                         \
        return !s.empty();                                                                                   \
    }

constexpr const char *a_size = "a number of bytes such as 4000, 64kb, 512mb or 2gb", *a_number = "a number",
                     *yes_or_no = "yes or no";

constexpr option all[] = {
    {"port", "N", "the TCP port; 0: none (6380)", "a port from 0 to 65535",
     [](options& o, text s) {
         auto n = parse_size(s);
         bool fits = n && *n <= 65535;
         if (fits) o.port = static_cast<std::uint16_t>(*n);
         return fits;
     }},
    {"bind", "ADDRESS", "the IPv4 or IPv6 address to listen at (127.0.0.1)", "an address", KV_TEXT(bind)},
    {"unixsocket", "PATH", "listen there too", "a path", KV_TEXT(unix_socket)},
    {"dir", "DIR", "where the data is; one server at a time (.)", "a directory", KV_TEXT(directory)},

    {"appendonly", "yes|no", "keep a log of all changes (yes)", yes_or_no,
     [](options& o, text s) { return parse_yes(s, o.append_only); }},
    {"appendfsync", "always|everysec|no", "when the log is forced to the disk (everysec)",
     "always, everysec or no", [](options& o, text s) { return parse_policy(s, o.sync); }},
    {"rewrite-growth", "PERCENT", "rewrite the log when it has grown by that much; 0: only when asked (100)",
     a_number, KV_SIZE(rewrite_growth)},
    {"rewrite-min-size", "BYTES", "... and is at least so long (64mb)", a_size, KV_SIZE(rewrite_min_size)},
    {"repair-log", nullptr, "give up what stands behind a damaged place in the log; it is kept in a copy",
     nullptr, [](options& o, text) { return o.repair_log = true; }},

    {"memory", "BYTES", "for the keys and values (half of the machine's, at most 16gb)", a_size,
     KV_SIZE(memory)},
    {"client-memory", "BYTES", "for all clients' buffers together (1gb)", a_size, KV_SIZE(client_memory)},
    {"log-memory", "BYTES", "for changes that wait for the disk; clients wait at a quarter of it (1gb)",
     a_size, KV_SIZE(log_memory)},

    {"max-clients", "N", "clients at the same time (10000)", a_number, KV_SIZE(limit.clients)},
    {"max-value", "BYTES", "the longest argument, key or value (512mb)", a_size, KV_SIZE(limit.request.bulk)},
    {"max-arguments", "N", "arguments of one command (1048576)", a_number, KV_SIZE(limit.request.arguments)},
    {"max-inline", "BYTES", "the longest command without RESP (64kb)", a_size, KV_SIZE(limit.request.line)},
    {"query-buffer", "BYTES", "what a client has sent and is not executed; more: closed (1gb)", a_size,
     KV_SIZE(limit.query_buffer)},
    {"client-output", "BYTES", "replies that wait; half: no more is read, more: closed (256mb)", a_size,
     KV_SIZE(limit.output)},
    {"subscriber-output", "BYTES", "messages that wait for a slow subscriber; more: closed (32mb)", a_size,
     KV_SIZE(limit.subscriber_output)},
    {"max-queued-commands", "N", "commands of one MULTI (65536)", a_number, KV_SIZE(limit.queued_commands)},
    {"max-queued-bytes", "BYTES", "... and their size (64mb)", a_size, KV_SIZE(limit.queued_bytes)},
    {"max-watched-keys", "N", "keys that one client watches (65536)", a_number, KV_SIZE(limit.watched_keys)},
    {"max-subscriptions", "N", "channels and patterns of one client (65536)", a_number,
     KV_SIZE(limit.subscriptions)},
    {"shutdown-timeout", "SECONDS", "how long a shutdown waits for clients to take their replies (5)",
     a_number, KV_SIZE(shutdown_seconds)},
};

} // namespace

options::options() {
    auto pages = static_cast<std::size_t>(std::max(sysconf(_SC_PHYS_PAGES), 1L));
    auto page = static_cast<std::size_t>(std::max(sysconf(_SC_PAGESIZE), 1L));
    memory = std::min(pages / 2 * page, arena::max_region);
    client_memory = log_memory = std::size_t{1} << 30;
    limit.output = std::size_t{256} << 20;
}

parsed parse_options(int count, char** words, options& o, std::string& problem) {
    for (int i = 1; i < count; ++i) {
        text word = words[i];
        if (word == "--help" || word == "-h") return parsed::help;
        if (word == "--version") return parsed::version;
        auto named = [&](const option& p) { return word.substr(0, 2) == "--" && word.substr(2) == p.name; };
        auto* found = std::find_if(std::begin(all), std::end(all), named);
        if (found == std::end(all)) {
            problem = "there is no option " + std::string(word);
            return parsed::wrong;
        }
        if (found->value && ++i == count) {
            problem = std::string(word) + " needs " + found->wanted;
            return parsed::wrong;
        }
        if (!found->set(o, found->value ? text(words[i]) : text())) {
            problem = std::string(word) + " must be " + found->wanted + ", not '" + words[i] + "'";
            return parsed::wrong;
        }
    }
    struct {
        bool wrong;
        const char* why;
    } const checks[] = {
        {!o.port && o.unix_socket.empty(),
         "--port 0 needs a --unixsocket: there would be no way to the server"},
        {o.memory < 1 << 20 || o.client_memory < 1 << 20 || o.log_memory < 1 << 20,
         "--memory, --client-memory and --log-memory must be 1mb or more"},
        {o.memory > arena::max_region || o.client_memory > arena::max_region,
         "--memory and --client-memory can be at most 16gb"},
        {o.log_memory > std::size_t{1} << 30, "--log-memory can be at most 1gb"},
        {o.limit.request.bulk > max_text, "--max-value can be at most 1gb"},
        {o.limit.clients == 0, "--max-clients must be 1 or more"},
    };
    for (auto& check : checks) {
        if (!check.wrong) continue;
        problem = check.why;
        return parsed::wrong;
    }
    return parsed::run;
}

void print_help() {
    std::printf("usage: weft-kv [option]...\n\nA Redis-compatible server. Options, with what they are "
                "without one:\n\n");
    for (const option& p : all) {
        std::string left = std::string("--") + p.name + (p.value ? std::string(" ") + p.value : "");
        std::printf("  %-36s %s\n", left.c_str(), p.help);
    }
    std::printf("  %-36s %s\n  %-36s %s\n", "--version", "", "--help", "");
    std::printf("\nBytes may be given as 4000, 64kb, 512mb or 2gb. WEFT_IO=uring or epoll in the environment "
                "chooses\n"
                "how I/O is done. SIGINT and SIGTERM end the server in order.\n");
}

} // namespace kv
