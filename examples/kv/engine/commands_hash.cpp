#include "engine.hpp"

namespace kv::commands {

namespace {

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
    std::size_t n = c.key ? c.key.as<table>().size() : 0;
    w == wanted::both ? c.out.map(n) : c.out.array(n);
    if (!n) return;
    c.key.as<table>().each([&](node* f) {
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
    if (c.part(c.key, c[2])) return c.out.integer(0);
    if (!put_field(c, c.key, c[2], c[3])) return c.no_memory();
    c.touch(c.key);
    c.out.integer(1);
}

void hget(call& c) { c.value_or_null(c.part(c.key, c[2])); }

void hmget(call& c) {
    c.out.array(c.size() - 2);
    for (text name : c.args.subspan(2)) c.value_or_null(c.part(c.key, name));
}

void hgetall(call& c) { reply_all(c, wanted::both); }
void hkeys(call& c) { reply_all(c, wanted::fields); }
void hvals(call& c) { reply_all(c, wanted::values); }

void hstrlen(call& c) {
    node* f = c.part(c.key, c[2]);
    c.out.integer(f ? f->value_size : 0);
}

void hincrby(call& c) {
    std::int64_t by, v = 0;
    place p;
    if (!c.integer(3, by) || !c.find(p, 1, kind::hash)) return;
    if (node* f = c.part(p, c[2])) {
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
    node* f = c.part(p, c[2]);
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

} // namespace kv::commands
