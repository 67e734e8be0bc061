// The server without its sockets and files: sessions in, replies and log records out. One thread, no waiting.
#pragma once

#include "session.hpp"
#include "store.hpp"

namespace kv {

// What a client may cost. Each limit has an option of the server, and an error when it is reached.
struct limits {
    std::size_t clients = 10000;
    request_parser::limits request{};
    std::size_t query_buffer = std::size_t{1} << 30;
    std::size_t output = std::size_t{1} << 30;
    std::size_t subscriber_output = std::size_t{32} << 20;
    std::size_t queued_commands = 65536;
    std::size_t queued_bytes = std::size_t{64} << 20;
    std::size_t watched_keys = 65536;
    std::size_t subscriptions = 65536; // of one client

    // The longest string that a command may make is what a client could have sent.
    std::size_t value() const { return request.bulk; }
};

enum class sync_policy : std::uint8_t { no, everysec, always };
constexpr text name_of(sync_policy p) {
    return p == sync_policy::always ? "always"sv : p == sync_policy::no ? "no"sv : "everysec"sv;
}
constexpr bool parse_policy(text word, sync_policy& to) {
    for (auto p : {sync_policy::no, sync_policy::everysec, sync_policy::always}) {
        if (!same_word(word, name_of(p))) continue;
        to = p;
        return true;
    }
    return false;
}

// What the server knows and INFO, CONFIG and CLIENT show.
struct server_state {
    text version = "0.1.0", io = "", run_id = "", directory = "", log_file = "";
    unsigned port = 0;
    long process_id = 0;
    std::int64_t started_at = 0;
    bool log_enabled = false, log_writable = true, rewriting = false, rewrite_ok = true,
         rewrite_requested = false;
    bool sync_at_end = true; // not after SHUTDOWN NOSAVE
    bool loading = false;
    std::int64_t loading_since = 0;
    std::uint64_t loading_size = 0, loaded_size = 0;
    sync_policy sync = sync_policy::everysec;
    std::uint64_t log_size = 0, log_base_size = 0, log_syncs = 0;
    std::uint64_t connections = 0, refused_connections = 0, input_bytes = 0, output_bytes = 0;
    text log_error = "";
};

// What becomes of the session after a command.
enum class outcome : std::uint8_t {
    done,
    blocked,  // no reply yet: it waits until it is woken, or for waiting_until
    close,    // after its output has been sent
    shutdown, // the whole server
};

class engine;
struct command;

// One command while it runs.
struct call {
    engine& kv;
    store& db;
    session& who;
    arguments args;
    reply out;
    const command* cmd = nullptr;
    place key{}; // the first one, for commands that say what it holds
    bool in_exec = false;
    bool changed = false; // the log gets the command, unless `logged` says that it got something else
    bool logged = false;
    outcome result = outcome::done;

    text operator[](std::size_t i) const { return args[i]; }
    std::size_t size() const { return args.size(); }

    // The key in argument i. False, with the error replied, if it holds another kind of value.
    [[nodiscard]] bool find(place& p, std::size_t i, kind wanted);
    [[nodiscard]] bool integer(std::size_t i, std::int64_t& v,
                               text error = "ERR value is not an integer or out of range");
    [[nodiscard]] bool count(std::size_t i, std::int64_t& v); // not below zero
    void touch(const place& p) { touch(p.key, p.hash); }      // the key has changed
    void touch(text key, std::uint32_t hash);
    // Adds named parts to the hash or set at p, making it if there is none; a part that exists is replaced. Returns how
    // many are new, or -1 when there was no memory: then nothing has changed.
    std::int64_t add_parts(place& p, kind type, arguments texts, std::size_t step);
    table* open_parts(place& p,
                      kind type); // the same for a single part: nullptr, or a table that may be empty
    node* part(const place& p, text name) { return p ? p.as<table>().find(name, db.hash(name)) : nullptr; }
    void drop_if_empty(place& p);                        // a list, hash or set, after something was taken out
    template <class... Parts> void log(Parts... parts) { // in place of the command
        log_request({text{parts}...});
    }
    void log_request(std::initializer_list<text> parts);

    void value_or_null(const node* n) { n ? out.bulk(n->value()) : out.null(); }
    void wrong_type() { out.error("WRONGTYPE Operation against a key holding the wrong kind of value"); }
    void syntax() { out.error("ERR syntax error"); }
    void no_memory() { out.error("OOM command not allowed when used memory > 'maxmemory'."); }
    void arity();
};

class engine {
  public:
    // `data` holds the keys, `buffers` all that belongs to clients, `records` what waits for being written to the log:
    // so that no client can take the log's room. Write commands are refused when half of it is full, and what one
    // command may log fits the other half.
    engine(arena& data, arena& buffers, arena& records, hash_seed seed);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    void attach(session& s); // gives it its id
    void detach(session& s); // ends everything that it had going

    // Runs one request; db.now is to be set before. The reply is appended to the session's output.
    outcome execute(session& who, arguments args);
    outcome execute(session& who, std::initializer_list<text> args) {
        return execute(who, arguments{args.begin(), args.size()});
    }
    // The session's wait is over without a result: it gets its null reply.
    void give_up_waiting(session& s);

    // Records for the log, whole requests: the server takes them away after each batch of commands. The changes of
    // a transaction are never in two batches.
    byte_buffer log;
    bool log_wanted = false;

    store db;
    limits limit;
    server_state server;
    registry channels, patterns, watched, waiting;
    std::uint64_t commands_processed = 0, errors = 0, messages = 0, key_hits = 0, key_misses = 0;
    std::size_t session_count() const { return sessions_; }
    session* first_session() { return first_session_; }
    arena& buffers() { return buffers_; }

    // For the commands.
    void run_queued(call& c); // looked up and checked again, then run
    void log_request(std::initializer_list<text> parts) {
        if (log_wanted) append_request(log, parts);
    }
    std::int64_t publish(text channel, text message); // returns how many heard it
    void end_transaction(session& s);
    void list_grew(const place& p);
    void touch(text key, std::uint32_t hash);
    void kill(session& s);

  private:
    void run(call& c);
    bool refuse(call& c);
    void queue(call& c);
    void serve_waiting();

    arena &buffers_, &records_;
    std::uint64_t last_id_ = 0;
    session* first_session_ = nullptr;
    session* last_session_ = nullptr;
    std::size_t sessions_ = 0;
};

// The table of commands.
struct command {
    enum flag : std::uint16_t {
        write = 1,
        readonly = 2,
        denyoom = 4,
        fast = 8,
        admin = 16,
        pubsub = 32,
        blocking = 64,
        container = 128,      // its first argument names a command of its own: "CLIENT KILL"
        in_transaction = 256, // runs at once inside MULTI
        not_queued = 512,     // can't be part of a transaction
        subscribed = 1024,    // may be used by a subscriber in RESP2
        subcommand = 2048,
        loading = 4096, // may be used while the log is loaded
    };
    static constexpr std::size_t max_name = 24;

    std::uint64_t words[max_name / 8] = {}; // the name, eight lower-case characters each
    char name[max_name + 1] = {};
    std::uint8_t name_size = 0;
    std::int8_t arity = 0; // with the name; negative: at least
    std::uint16_t flags = 0;
    std::int8_t first_key = 0, last_key = 0, key_step = 0;
    kind key_kind = kind::
        other; // of the value at the first key, which is found before it runs; other: it finds it itself
    void (*run)(call&) = nullptr;

    text full_name() const { return {name, name_size}; }
    bool is(flag f) const { return flags & f; }
    bool arity_fits(std::size_t n) const {
        return arity >= 0 ? n == static_cast<std::size_t>(arity) : n >= static_cast<std::size_t>(-arity);
    }
};
const command* find_command(text name, text subcommand = {});
std::span<const command> all_commands();

} // namespace kv
