#include "scan.hpp"

namespace kv::commands {

namespace {

node* field(call& c, place& p, text name) { return p ? p.as<table>().find(name, c.db.hash(name)) : nullptr; }

// Stores what a command computed for one field, and answers nothing.
bool put_field(call& c, place& p, text name, text value) {
    table* fields = c.open_parts(p, kind::hash);
    if (!fields) return false;
    bool stored = c.db.put_part(*fields, name, value);
    if (!stored) c.drop_if_empty(p);
    return stored;
}

enum class wanted : std::uint8_t { fields = 1, values = 2, both = 3 };

void reply_all(call& c, wanted w) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    std::size_t n = p ? p.as<table>().size() : 0;
    w == wanted::both ? c.out.map(n) : c.out.array(n);
    if (!p) return;
    p.as<table>().each([&](node* f) {
        if (w != wanted::values) c.out.bulk(f->key());
        if (w != wanted::fields) c.out.bulk(f->value());
    });
}

} // namespace

void hset(call& c) {
    if (c.size() % 2) return c.arity();
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    std::int64_t added = c.add_parts(p, kind::hash, c.args.subspan(2), 2);
    if (added < 0) return c.no_memory();
    c.touch(p);
    c.cmd->full_name() == "hmset" ? c.out.ok() : c.out.integer(added);
}

void hsetnx(call& c) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    if (field(c, p, c[2])) return c.out.integer(0);
    if (!put_field(c, p, c[2], c[3])) return c.no_memory();
    c.touch(p);
    c.out.integer(1);
}

void hget(call& c) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    node* f = field(c, p, c[2]);
    f ? c.out.bulk(f->value()) : c.out.null();
}

void hmget(call& c) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    c.out.array(c.size() - 2);
    for (text name : c.args.subspan(2)) {
        node* f = field(c, p, name);
        f ? c.out.bulk(f->value()) : c.out.null();
    }
}

void hgetall(call& c) { reply_all(c, wanted::both); }
void hkeys(call& c) { reply_all(c, wanted::fields); }
void hvals(call& c) { reply_all(c, wanted::values); }

void hdel(call& c) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    std::int64_t count = 0;
    for (text name : c.args.subspan(2)) {
        node* f = field(c, p, name);
        if (!f) continue;
        c.db.edit(p.at);
        p.as<table>().erase(f);
        ++count;
    }
    if (count) {
        c.touch(p);
        c.drop_if_empty(p);
    }
    c.out.integer(count);
}

void hexists(call& c) {
    place p;
    if (c.find(p, 1, kind::hash)) c.out.integer(field(c, p, c[2]) != nullptr);
}

void hlen(call& c) {
    place p;
    if (c.find(p, 1, kind::hash)) c.out.integer(p ? p.as<table>().size() : 0);
}

void hstrlen(call& c) {
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    node* f = field(c, p, c[2]);
    c.out.integer(f ? f->value_size : 0);
}

void hincrby(call& c) {
    std::int64_t by, v = 0;
    place p;
    if (!c.integer(3, by) || !c.find(p, 1, kind::hash)) return;
    if (node* f = field(c, p, c[2])) {
        auto old = parse_integer(f->value());
        if (!old) return c.out.error("ERR hash value is not an integer");
        v = *old;
    }
    if (__builtin_add_overflow(v, by, &v)) return c.out.error("ERR increment or decrement would overflow");
    if (!put_field(c, p, c[2], digits{v})) return c.no_memory();
    c.touch(p);
    c.out.integer(v);
}

void hincrbyfloat(call& c) {
    auto by = parse_float(c[3]);
    if (!by) return c.out.error("ERR value is not a valid float");
    place p;
    if (!c.find(p, 1, kind::hash)) return;
    node* f = field(c, p, c[2]);
    auto old = f ? parse_float(f->value()) : 0;
    if (!old) return c.out.error("ERR hash value is not a float");
    char buffer[float_text_size];
    text sum = format_sum(*old, *by, buffer);
    if (sum.empty()) return c.out.error("ERR increment would produce NaN or Infinity");
    if (!put_field(c, p, c[2], sum)) return c.no_memory();
    c.touch(p);
    c.log("HSET", c[1], c[2], sum); // another machine may round differently
    c.out.bulk(sum);
}

void hscan(call& c) {
    scan_request r;
    place p;
    if (!r.read_cursor(c, 2) || !c.find(p, 1, kind::hash)) return;
    if (!p) return reply_empty_scan(c);
    if (!r.read_options(c, 3, false)) return;
    reply_scan(c, p.as<table>(), r, [&](node* f) {
        if (!r.wants(f->key())) return 0;
        c.out.bulk(f->key());
        c.out.bulk(f->value());
        return 2;
    });
}

} // namespace kv::commands
