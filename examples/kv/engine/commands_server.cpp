#include "engine.hpp"

namespace kv::commands {

namespace {

struct parameter {
    text name;
    std::size_t limits::* number = nullptr; // one that may be changed
    std::size_t request_parser::limits::* request_number = nullptr;
    void (*show)(engine&, byte_buffer&) = nullptr; // one that is computed
};

constexpr parameter parameters[] = {
    {"maxclients", &limits::clients},
    {"client-query-buffer-limit", &limits::query_buffer},
    {"client-output-limit", &limits::output},
    {"subscriber-output-limit", &limits::subscriber_output},
    {"transaction-max-commands", &limits::queued_commands},
    {"transaction-max-bytes", &limits::queued_bytes},
    {"watch-max-keys", &limits::watched_keys},
    {"client-max-subscriptions", &limits::subscriptions},
    {"proto-max-bulk-len", nullptr, &request_parser::limits::bulk},
    {"proto-max-inline-len", nullptr, &request_parser::limits::line},
    {"proto-max-arguments", nullptr, &request_parser::limits::arguments},
    {"appendfsync", nullptr, nullptr,
     [](engine& kv, byte_buffer& to) { to.append(name_of(kv.server.sync)); }},
    {"appendonly", nullptr, nullptr,
     [](engine& kv, byte_buffer& to) { to.append(kv.server.log_enabled ? "yes"sv : "no"sv); }},
    {"appendfilename", nullptr, nullptr, [](engine& kv, byte_buffer& to) { to.append(kv.server.log_file); }},
    {"databases", nullptr, nullptr, [](engine&, byte_buffer& to) { to.append("1"); }},
    {"dir", nullptr, nullptr, [](engine& kv, byte_buffer& to) { to.append(kv.server.directory); }},
    {"maxmemory", nullptr, nullptr,
     [](engine& kv, byte_buffer& to) { to.append(digits{std::uint64_t{kv.db.memory().capacity()}}); }},
    {"maxmemory-policy", nullptr, nullptr, [](engine&, byte_buffer& to) { to.append("noeviction"); }},
    {"port", nullptr, nullptr,
     [](engine& kv, byte_buffer& to) { to.append(digits{std::uint64_t{kv.server.port}}); }},
    {"save", nullptr, nullptr, [](engine&, byte_buffer&) {}},
    {"timeout", nullptr, nullptr, [](engine&, byte_buffer& to) { to.append("0"); }},
};

std::size_t* number_of(engine& kv, const parameter& p) {
    if (p.number) return &(kv.limit.*p.number);
    return p.request_number ? &(kv.limit.request.*p.request_number) : nullptr;
}

bool set_parameter(call& c, const parameter& p, text value) {
    if (std::size_t* number = number_of(c.kv, p)) {
        auto size = parse_size(value);
        bool fits = size && *size <= SIZE_MAX / 4 &&
                    !(p.request_number == &request_parser::limits::bulk && *size > max_text);
        if (fits) *number = *size;
        return fits;
    }
    return p.name == "appendfsync" && parse_policy(value, c.kv.server.sync);
}

void describe(call& c, const command& cmd) {
    c.out.array(10);
    c.out.bulk(cmd.full_name());
    c.out.integer(cmd.arity);
    std::size_t mark = c.out.mark(), count = 0;
    struct {
        command::flag flag;
        text name;
    } const names[] = {
        {command::write, "write"}, {command::readonly, "readonly"},   {command::denyoom, "denyoom"},
        {command::admin, "admin"}, {command::pubsub, "pubsub"},       {command::blocking, "blocking"},
        {command::fast, "fast"},   {command::not_queued, "no_multi"}, {command::loading, "loading"}};
    for (auto& n : names) {
        if (!cmd.is(n.flag)) continue;
        c.out.simple(n.name);
        ++count;
    }
    c.out.close_set(mark, count);
    c.out.integer(cmd.first_key);
    c.out.integer(cmd.last_key);
    c.out.integer(cmd.key_step);
    c.out.set(0);   // categories of access control
    c.out.array(0); // hints
    c.out.array(0); // key specifications
    c.out.array(0); // subcommands
}

const command* command_named(text name) {
    std::size_t bar = name.find('|');
    return bar == text::npos ? find_command(name) : find_command(slice(name, 0, bar), slice(name, bar + 1));
}

std::size_t count_commands() {
    std::size_t n = 0;
    for (const command& cmd : all_commands()) n += !cmd.is(command::subcommand);
    return n;
}

// The lines of INFO.
class report {
  public:
    report(call& c, byte_buffer& to) : c_{c}, to_{to} {}

    // Whether this section was asked for; its headline is written then.
    bool section(text name, text lower) {
        bool wanted = c_.size() == 1;
        for (text word : c_.args.subspan(1))
            wanted |= same_word(word, lower) || same_word(word, "all") || same_word(word, "default") ||
                      same_word(word, "everything");
        if (!wanted) return false;
        to_.append(to_.empty() ? "# "sv : "\r\n# "sv);
        to_.append(name);
        to_.append("\r\n");
        return true;
    }
    void line(text name, text value) {
        for (text part : {name, text{":"}, value, text{"\r\n"}}) to_.append(part);
    }
    void line(text name, std::int64_t value) { line(name, digits{value}.view()); }
    void count(text name, std::uint64_t value) { line(name, digits{value}.view()); }

  private:
    call& c_;
    byte_buffer& to_;
};

} // namespace

// COMMAND alone; the other containers need a subcommand.
void container(call& c) {
    c.out.array(count_commands());
    for (const command& cmd : all_commands())
        if (!cmd.is(command::subcommand)) describe(c, cmd);
}

void command_count(call& c) { c.out.integer(static_cast<std::int64_t>(count_commands())); }

void command_info(call& c) {
    if (c.size() == 2) return container(c);
    c.out.array(c.size() - 2);
    for (text name : c.args.subspan(2)) {
        const command* cmd = command_named(name);
        cmd ? describe(c, *cmd) : c.out.null();
    }
}

void command_list(call& c) {
    if (c.size() > 2) return c.syntax();
    c.out.array(count_commands());
    for (const command& cmd : all_commands())
        if (!cmd.is(command::subcommand)) c.out.bulk(cmd.full_name());
}

// Enough for redis-cli, which completes names from it.
void command_docs(call& c) {
    bool all = c.size() == 2;
    std::size_t count = 0;
    for (text name : c.args.subspan(2)) count += command_named(name) != nullptr;
    c.out.map(all ? count_commands() : count);
    auto describe_docs = [&](const command& cmd) {
        c.out.bulk(cmd.full_name());
        c.out.map(1);
        c.out.bulk("summary");
        c.out.bulk("See the documentation of Redis.");
    };
    for (const command& cmd : all_commands())
        if (all && !cmd.is(command::subcommand)) describe_docs(cmd);
    for (text name : c.args.subspan(2))
        if (const command* cmd = command_named(name)) describe_docs(*cmd);
}

void config_get(call& c) {
    std::size_t count = 0;
    auto wanted = [&](const parameter& p) {
        for (text pattern : c.args.subspan(2))
            if (glob_match(pattern, p.name, true)) return true;
        return false;
    };
    for (const parameter& p : parameters) count += wanted(p);
    c.out.map(count);
    byte_buffer value{c.kv.buffers()};
    for (const parameter& p : parameters) {
        if (!wanted(p)) continue;
        value.clear();
        if (std::size_t* number = number_of(c.kv, p))
            value.append(digits{std::uint64_t{*number}});
        else
            p.show(c.kv, value);
        c.out.bulk(p.name);
        c.out.bulk(value.view());
    }
}

void config_set(call& c) {
    if (c.size() % 2) return c.arity();
    for (std::size_t i = 2; i < c.size(); i += 2) {
        const parameter* found = nullptr;
        for (const parameter& p : parameters)
            if (same_word(c[i], p.name)) found = &p;
        if (!found)
            return c.out.error_of("ERR Unknown option or number of arguments for CONFIG SET - '", c[i], "'");
        if (!set_parameter(c, *found, c[i + 1]))
            return c.out.error_of("ERR CONFIG SET failed (possibly related to argument '", c[i],
                                  "') - it can't be changed while the server runs, or not to this");
    }
    c.out.ok();
}

void config_resetstat(call& c) {
    c.kv.commands_processed = c.kv.errors = c.kv.messages = c.kv.key_hits = c.kv.key_misses = 0;
    c.db.expired_count = 0;
    auto& s = c.kv.server;
    s.connections = s.refused_connections = s.input_bytes = s.output_bytes = s.log_syncs = 0;
    c.out.ok();
}

void info(call& c) {
    byte_buffer lines{c.kv.buffers()};
    report r{c, lines};
    engine& kv = c.kv;
    const server_state& s = kv.server;
    if (r.section("Server", "server")) {
        r.line("redis_version", "7.0.15"); // what it is compatible with
        r.line("redis_mode", "standalone");
        r.line("weft_kv_version", s.version);
        r.line("multiplexing_api", s.io);
        r.line("arch_bits", std::int64_t{sizeof(void*) * 8});
        r.line("process_id", s.process_id);
        r.line("run_id", s.run_id);
        r.line("tcp_port", std::int64_t{s.port});
        r.line("uptime_in_seconds", (c.db.now - s.started_at) / 1000);
        r.line("uptime_in_days", (c.db.now - s.started_at) / 86400000);
    }
    if (r.section("Clients", "clients")) {
        std::int64_t blocked = 0;
        for (session* each = kv.first_session(); each; each = each->next) blocked += each->blocked();
        r.count("connected_clients", kv.session_count());
        r.count("maxclients", kv.limit.clients);
        r.line("blocked_clients", blocked);
    }
    if (r.section("Memory", "memory")) {
        arena& data = c.db.memory();
        r.count("used_memory", data.used());
        r.count("used_memory_peak", data.peak());
        r.count("maxmemory", data.capacity());
        r.line("maxmemory_policy", "noeviction");
        r.count("client_memory", kv.buffers().used());
        r.count("client_memory_peak", kv.buffers().peak());
        r.count("client_memory_max", kv.buffers().capacity());
    }
    if (r.section("Persistence", "persistence")) {
        r.line("loading", std::int64_t{s.loading});
        if (s.loading) {
            r.line("loading_start_time", s.loading_since / 1000);
            r.count("loading_total_bytes", s.loading_size);
            r.count("loading_loaded_bytes", s.loaded_size);
        }
        r.line("aof_enabled", std::int64_t{s.log_enabled});
        r.line("aof_rewrite_in_progress", std::int64_t{s.rewriting});
        r.line("aof_last_bgrewrite_status", s.rewrite_ok ? "ok"sv : "err"sv);
        r.line("aof_last_write_status", s.log_writable ? "ok"sv : "err"sv);
        r.count("aof_current_size", s.log_size);
        r.count("aof_base_size", s.log_base_size);
        r.count("aof_syncs", s.log_syncs);
    }
    if (r.section("Stats", "stats")) {
        r.count("total_connections_received", s.connections);
        r.count("total_commands_processed", kv.commands_processed);
        r.count("total_net_input_bytes", s.input_bytes);
        r.count("total_net_output_bytes", s.output_bytes);
        r.count("rejected_connections", s.refused_connections);
        r.count("expired_keys", c.db.expired_count);
        r.line("evicted_keys", std::int64_t{0});
        r.count("keyspace_hits", kv.key_hits);
        r.count("keyspace_misses", kv.key_misses);
        r.count("pubsub_channels", kv.channels.size());
        r.count("pubsub_patterns", kv.patterns.size());
        r.count("total_error_replies", kv.errors);
    }
    if (r.section("Replication", "replication")) {
        r.line("role", "master");
        r.line("connected_slaves", std::int64_t{0});
    }
    if (r.section("Keyspace", "keyspace") && c.db.size()) {
        byte_buffer keys{c.kv.buffers()};
        keys.append("keys=");
        keys.append(digits{std::uint64_t{c.db.size()}});
        keys.append(",expires=");
        keys.append(digits{std::uint64_t{c.db.timed_count()}});
        r.line("db0", keys.view());
    }
    c.out.verbatim(lines.view());
}

void time(call& c) {
    c.out.array(2);
    c.out.bulk(c.db.now / 1000);
    c.out.bulk(c.db.now % 1000 * 1000); // the store's clock counts milliseconds
}

void bgrewriteaof(call& c) {
    auto& s = c.kv.server;
    if (s.rewriting || s.rewrite_requested)
        return c.out.error("ERR Background append only file rewriting already in progress");
    if (!s.log_enabled)
        return c.out.error("ERR There is no log to rewrite, the server was started without one");
    s.rewrite_requested = true;
    c.out.simple("Background append only file rewriting started");
}

// Says nothing, if it can be done: the connection ends. There is nothing that NOW would have to wait for, and no other
// shutdown that ABORT could reach, since none waits.
void shutdown(call& c) {
    bool save = false, no_save = false, force = false, now = false, abort = false;
    for (text word : c.args.subspan(1)) {
        bool known = false;
        for (auto [name, given] : {std::pair{"save"sv, &save},
                                   {"nosave"sv, &no_save},
                                   {"force"sv, &force},
                                   {"now"sv, &now},
                                   {"abort"sv, &abort}})
            if (same_word(word, name)) known = *given = true;
        if (!known) return c.syntax();
    }
    if ((save && no_save) || (abort && (save || no_save || force || now))) return c.syntax();
    if (abort) return c.out.error("ERR No shutdown in progress.");
    engine& kv = c.kv;
    if (kv.log_wanted && !kv.server.log_writable && !no_save && !force) // changes would be lost
        return c.out.error("ERR Errors trying to SHUTDOWN. Check logs.");
    kv.server.sync_at_end = !no_save;
    c.result = outcome::shutdown;
}

} // namespace kv::commands
