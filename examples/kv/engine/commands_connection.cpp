#include "engine.hpp"

namespace kv::commands {

namespace {

// What clients may look for to know what they can use.
constexpr text compatible_version = "7.0.15";

bool set_name(call& c, text name) {
    for (char ch : name) {
        if (ch > ' ' && ch <= '~') continue;
        c.out.error("ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    c.who.name.clear();
    c.who.name.append(name);
    return true;
}

void refuse_password(call& c) {
    c.out.error("WRONGPASS invalid username-password pair or user is disabled.");
}

// One client as CLIENT LIST shows it.
void describe(call& c, session& s, byte_buffer& to) {
    char flags[5];
    std::size_t n = 0;
    if (s.subscriptions()) flags[n++] = 'P';
    if (s.in_transaction) flags[n++] = 'x';
    if (s.blocked()) flags[n++] = 'b';
    if (s.no_evict) flags[n++] = 'e';
    if (!n) flags[n++] = 'N';
    auto number = [&](text name, std::int64_t v) {
        to.append(name);
        to.append(digits{v});
    };
    auto word = [&](text name, text v) {
        to.append(name);
        to.append(v);
    };
    number("id=", static_cast<std::int64_t>(s.id));
    word(" addr=", s.peer_address);
    word(" laddr=", s.local_address);
    word(" name=", s.name.view());
    number(" age=", (c.db.now - s.connected_at) / 1000);
    number(" idle=", (c.db.now - s.active_at) / 1000);
    word(" flags=", {flags, n});
    number(" db=0 sub=", s.channels.count);
    number(" psub=", s.patterns.count);
    number(" ssub=0 multi=", s.in_transaction ? static_cast<std::int64_t>(s.queued) : -1);
    number(" multi-mem=", static_cast<std::int64_t>(s.queue.capacity()));
    number(" obl=", static_cast<std::int64_t>(s.out.size()));
    number(" omem=", static_cast<std::int64_t>(s.out.capacity()));
    word(" events=r cmd=", s.last_command);
    number(" user=default redir=-1 resp=", s.protocol);
    to.append("\n");
}

bool of_type(const session& s, text type) {
    return same_word(type, s.subscriptions() ? "pubsub"sv : "normal"sv);
}
bool known_type(call& c, text type) {
    for (text t : {text{"normal"}, text{"pubsub"}, text{"master"}, text{"replica"}, text{"slave"}})
        if (same_word(type, t)) return true;
    c.out.error_of("ERR Unknown client type '", type, "'");
    return false;
}

} // namespace

void ping(call& c) {
    if (c.size() > 2) return c.arity();
    if (c.who.subscriptions() && c.who.protocol == 2) {
        c.out.array(2);
        c.out.bulk("pong");
        c.out.bulk(c.size() == 2 ? c[1] : text{""});
    } else {
        c.size() == 2 ? c.out.bulk(c[1]) : c.out.simple("PONG");
    }
}

void echo(call& c) { c.out.bulk(c[1]); }

void select(call& c) {
    auto index = parse_integer(c[1]);
    if (!index) return c.out.error("ERR value is not an integer or out of range");
    if (*index < INT32_MIN || *index > INT32_MAX)
        return c.out.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    *index == 0 ? c.out.ok() : c.out.error("ERR DB index is out of range");
}

void hello(call& c) {
    unsigned protocol = c.who.protocol;
    std::size_t next = 1;
    if (c.size() > 1) {
        auto v = parse_integer(c[next++]);
        if (!v) return c.out.error("ERR Protocol version is not an integer or out of range");
        if (*v != 2 && *v != 3) return c.out.error("NOPROTO unsupported protocol version");
        protocol = static_cast<unsigned>(*v);
    }
    for (; next < c.size(); ++next) {
        std::size_t more = c.size() - 1 - next;
        if (same_word(c[next], "auth") && more >= 2) {
            // Without passwords there is one user, and any password of his will do.
            if (c[next + 1] != "default") return refuse_password(c);
            next += 2;
        } else if (same_word(c[next], "setname") && more >= 1) {
            if (!set_name(c, c[++next])) return;
        } else {
            return c.out.error_of("ERR Syntax error in HELLO option '", c[next], "'");
        }
    }
    c.who.protocol = protocol;
    reply out{c.who.out, protocol};
    out.map(7);
    out.bulk("server");
    out.bulk("redis");
    out.bulk("version");
    out.bulk(compatible_version);
    out.bulk("proto");
    out.integer(protocol);
    out.bulk("id");
    out.integer(static_cast<std::int64_t>(c.who.id));
    out.bulk("mode");
    out.bulk("standalone");
    out.bulk("role");
    out.bulk("master");
    out.bulk("modules");
    out.array(0);
}

void auth(call& c) {
    if (c.size() > 3) return c.syntax();
    if (c.size() == 2)
        return c.out.error(
            "ERR AUTH <password> called without any password configured for the default user. Are you "
            "sure your configuration is correct?");
    c[1] == "default" ? c.out.ok() : refuse_password(c);
}

void reset(call& c) {
    session& s = c.who;
    c.kv.end_transaction(s);
    c.kv.channels.clear(s.channels);
    c.kv.patterns.clear(s.patterns);
    s.out.set_limit(c.kv.limit.output);
    s.name.release();
    s.protocol = 2;
    s.replies = session::replying::on;
    s.no_evict = false;
    c.out.simple("RESET");
}

void quit(call& c) {
    c.out.ok();
    c.result = outcome::close;
}

void multi(call& c) {
    if (c.who.in_transaction) return c.out.error("ERR MULTI calls can not be nested");
    c.who.in_transaction = true;
    c.out.ok();
}

void exec(call& c) {
    session& s = c.who;
    if (!s.in_transaction) return c.out.error("ERR EXEC without MULTI");
    for (auto* l = s.watched.first; l; l = l->next_of_who)
        c.db.find(l->about->name()); // its time may have come
    if (s.watch_failed || s.transaction_failed) {
        s.transaction_failed ? c.out.error("EXECABORT Transaction discarded because of previous errors.")
                             : c.out.null_array();
        return c.kv.end_transaction(s);
    }
    byte_buffer queue = std::move(s.queue);
    std::uint32_t count = s.queued;
    c.kv.end_transaction(s);
    c.out.array(count);
    request_parser requests{c.kv.buffers(), c.kv.limit.request};
    for (std::size_t at = 0; count; --count, at += requests.consumed()) {
        if (requests.parse(queue.data() + at, queue.size() - at) != request_parser::status::complete) {
            s.out.fail(); // only memory can be missing here; a reply with a hole is none
            return;
        }
        call part{.kv = c.kv,
                  .db = c.db,
                  .who = s,
                  .args = requests.args(),
                  .out = {s.out, s.protocol},
                  .in_exec = true};
        c.kv.run_queued(part);
        if (part.result != outcome::done) c.result = part.result;
    }
}

void discard(call& c) {
    if (!c.who.in_transaction) return c.out.error("ERR DISCARD without MULTI");
    c.kv.end_transaction(c.who);
    c.out.ok();
}

void watch(call& c) {
    session& s = c.who;
    if (s.in_transaction) return c.out.error("ERR WATCH inside MULTI is not allowed");
    for (text key : c.args.subspan(1)) {
        if (s.watched.count >= c.kv.limit.watched_keys)
            return c.out.error("ERR too many watched keys, see the limit on watched keys of a client");
        place p = c.db.find(key); // a key whose time is over is gone now, not changed later
        if (c.kv.watched.add(key, p.hash, s, s.watched) == registry::added::no_memory) return c.no_memory();
    }
    c.out.ok();
}

void unwatch(call& c) {
    c.kv.watched.clear(c.who.watched);
    c.who.watch_failed = false;
    c.out.ok();
}

void client_id(call& c) { c.out.integer(static_cast<std::int64_t>(c.who.id)); }

void client_getname(call& c) { c.who.name.empty() ? c.out.null() : c.out.bulk(c.who.name.view()); }

void client_setname(call& c) {
    if (set_name(c, c[2])) c.out.ok();
}

void client_info(call& c) {
    byte_buffer lines{c.kv.buffers()};
    describe(c, c.who, lines);
    c.out.verbatim(lines.view());
}

void client_list(call& c) {
    bool by_type = c.size() == 4 && same_word(c[2], "type"), by_id = c.size() > 3 && same_word(c[2], "id");
    if (c.size() > 2 && !by_type && !by_id) return c.syntax();
    if (by_type && !known_type(c, c[3])) return;
    for (std::size_t i = 3; by_id && i < c.size(); ++i)
        if (!parse_integer(c[i])) return c.out.error("ERR Invalid client ID");
    byte_buffer lines{c.kv.buffers()};
    for (session* s = c.kv.first_session(); s; s = s->next) {
        bool wanted = !by_id && (!by_type || of_type(*s, c[3]));
        for (std::size_t i = 3; by_id && i < c.size(); ++i)
            wanted |= parse_integer(c[i]) == static_cast<std::int64_t>(s->id);
        if (wanted) describe(c, *s, lines);
    }
    c.out.verbatim(lines.view());
}

void client_kill(call& c) {
    text address, local, type;
    std::int64_t id = 0;
    bool old_form = c.size() == 3, skip_me = !old_form;
    if (old_form) address = c[2];
    for (std::size_t i = 2; !old_form && i < c.size(); i += 2) {
        if (i + 1 == c.size()) return c.syntax();
        text word = c[i], value = c[i + 1];
        if (same_word(word, "id")) {
            auto v = parse_integer(value);
            if (!v || *v <= 0) return c.out.error("ERR client-id should be greater than 0");
            id = *v;
        } else if (same_word(word, "addr")) {
            address = value;
        } else if (same_word(word, "laddr")) {
            local = value;
        } else if (same_word(word, "type")) {
            if (!known_type(c, value)) return;
            type = value;
        } else if (same_word(word, "user")) {
            if (value != "default") return c.out.error_of("ERR No such user '", value, "'");
        } else if (same_word(word, "skipme") && (same_word(value, "yes") || same_word(value, "no"))) {
            skip_me = same_word(value, "yes");
        } else {
            return c.syntax();
        }
    }
    std::int64_t killed = 0;
    for (session *s = c.kv.first_session(), *next; s; s = next) {
        next = s->next;
        if (s->killed || (address.data() && s->peer_address != address) ||
            (local.data() && s->local_address != local) || (type.data() && !of_type(*s, type)) ||
            (id && s->id != static_cast<std::uint64_t>(id)) || (skip_me && s == &c.who))
            continue;
        ++killed;
        s == &c.who ? void(c.result = outcome::close) : c.kv.kill(*s);
    }
    if (!old_form) return c.out.integer(killed);
    killed ? c.out.ok() : c.out.error("ERR No such client");
}

void client_no_evict(call& c) {
    bool on = same_word(c[2], "on");
    if (!on && !same_word(c[2], "off")) return c.syntax();
    c.who.no_evict = on; // nothing is ever evicted; it is only remembered
    c.out.ok();
}

void client_reply(call& c) {
    using enum session::replying;
    if (same_word(c[2], "on")) {
        c.who.replies = on;
        c.out.ok();
    } else if (same_word(c[2], "off")) {
        c.who.replies = off;
    } else if (same_word(c[2], "skip")) {
        if (c.who.replies != off) c.who.replies = skip_next;
    } else {
        c.syntax();
    }
}

} // namespace kv::commands
