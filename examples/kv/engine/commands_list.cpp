#include "engine.hpp"

namespace kv::commands {

namespace {

using side = list::side;

void push(call& c, side s, bool only_existing) {
    place& p = c.key;
    if (!p && only_existing) return c.out.integer(0);
    if (p) c.db.edit(p.at);
    list* values = p ? &p.as<list>() : c.db.add<list>(p, kind::list);
    if (!values) return c.no_memory();
    std::size_t before = values->size();
    for (text v : c.args.subspan(2)) {
        if (values->push(s, v)) continue;
        values->drop(s, values->size() - before);
        c.drop_if_empty(p);
        return c.no_memory();
    }
    c.touch(p);
    c.kv.list_grew(p);
    c.out.integer(static_cast<std::int64_t>(values->size()));
}

void pop(call& c, side s) {
    if (c.size() > 3) return c.arity();
    std::int64_t count = 1;
    bool many = c.size() == 3;
    if (many && !c.count(2, count)) return;
    place p;
    if (!c.find(p, 1, kind::list)) return;
    if (!p) return many ? c.out.null_array() : c.out.null();
    auto& values = p.as<list>();
    auto n = std::min(static_cast<std::uint64_t>(count), std::uint64_t{values.size()});
    if (many) c.out.array(static_cast<std::size_t>(n));
    if (!n) return;
    c.db.edit(p.at);
    for (; n; --n) {
        c.out.bulk(values.peek(s));
        values.pop(s);
    }
    c.touch(p);
    c.drop_if_empty(p);
}

// An index from the front, or below zero from the back; out of range is clamped to -1 or the size.
std::int64_t resolve(std::int64_t index, std::size_t size) {
    auto n = static_cast<std::int64_t>(size);
    if (index < 0) index = std::max<std::int64_t>(index + n, -1);
    return std::min(index, n);
}

// Which of the list's elements arguments 2 and 3 mean; from > to: none.
bool read_range(call& c, std::int64_t& from, std::int64_t& to) {
    if (!c.integer(2, from) || !c.integer(3, to) || !c.find(c.key, 1, kind::list)) return false;
    std::size_t size = c.key ? c.key.as<list>().size() : 0;
    from = std::max<std::int64_t>(resolve(from, size), 0);
    to = std::min(resolve(to, size), static_cast<std::int64_t>(size) - 1);
    return true;
}

bool read_side(call& c, std::size_t i, side& s) {
    s = same_word(c[i], "left") ? side::front : side::back;
    if (s == side::front || same_word(c[i], "right")) return true;
    c.syntax();
    return false;
}

void move(call& c, side from_side, side to_side) {
    place &from = c.key, to;
    if (!from) return c.out.null();
    if (!c.find(to, 2, kind::list)) return;
    c.db.edit(from.at);
    if (to) c.db.edit(to.at);
    auto& source = from.as<list>();
    text value = source.peek(from_side);
    byte_buffer copy{c.db.memory()};
    if (c[1] == c[2]) { // making room may move what it makes room for
        copy.append(value);
        value = copy.view();
    }
    list* target = to ? &to.as<list>() : c.db.add<list>(to, kind::list);
    if (!target || copy.failed()) return c.no_memory();
    if (c[1] == c[2] && from_side == to_side) return c.out.bulk(value);
    if (!target->push(to_side, value)) {
        c.drop_if_empty(to);
        return c.no_memory();
    }
    c.out.bulk(value);
    source.pop(from_side);
    c.touch(from);
    c.touch(to);
    c.kv.list_grew(to);
    c.drop_if_empty(from);
}

// The first key that has something gives it; otherwise the client waits for all of them.
void wait_pop(call& c, side s) {
    auto seconds = parse_float(c[c.size() - 1]);
    if (!seconds) return c.out.error("ERR timeout is not a float or out of range");
    if (*seconds < 0) return c.out.error("ERR timeout is negative");
    long double until = *seconds * 1000;
    if (until >= 0x1p62L) return c.out.error("ERR timeout is out of range");
    arguments keys = c.args.subspan(1, c.size() - 2);
    for (std::size_t i = 1; i <= keys.size(); ++i) {
        place p;
        if (!c.find(p, i, kind::list)) return;
        if (!p) continue;
        auto& values = p.as<list>();
        c.db.edit(p.at);
        c.out.array(2);
        c.out.bulk(p.key);
        c.out.bulk(values.peek(s));
        values.pop(s);
        c.touch(p);
        c.log(s == side::front ? "LPOP"sv : "RPOP"sv, p.key);
        return c.drop_if_empty(p);
    }
    if (c.in_exec || c.db.replaying) return c.out.null_array();
    for (text key : keys) {
        if (c.kv.waiting.add(key, c.db.hash(key), c.who, c.who.waiting) != registry::added::no_memory)
            continue;
        c.kv.waiting.clear(c.who.waiting);
        return c.no_memory();
    }
    auto whole = static_cast<std::int64_t>(until);
    whole += static_cast<long double>(whole) < until; // rounded up
    c.who.waiting_side = s;
    c.who.waiting_until = until > 0 ? c.db.now + whole : 0;
    c.result = outcome::blocked;
}

} // namespace

void lpush(call& c) { push(c, side::front, false); }
void rpush(call& c) { push(c, side::back, false); }
void lpushx(call& c) { push(c, side::front, true); }
void rpushx(call& c) { push(c, side::back, true); }
void lpop(call& c) { pop(c, side::front); }
void rpop(call& c) { pop(c, side::back); }
void blpop(call& c) { wait_pop(c, side::front); }
void brpop(call& c) { wait_pop(c, side::back); }
void rpoplpush(call& c) { move(c, side::back, side::front); }
void lmove(call& c) {
    side from, to;
    if (read_side(c, 3, from) && read_side(c, 4, to) && c.find(c.key, 1, kind::list)) move(c, from, to);
}

void lrange(call& c) {
    std::int64_t start, end;
    if (!read_range(c, start, end)) return;
    if (start > end) return c.out.array(0);
    auto& values = c.key.as<list>();
    c.out.array(static_cast<std::size_t>(end - start + 1));
    for (auto at = values.at(static_cast<std::size_t>(start)); start <= end; ++start, at = values.next(at))
        c.out.bulk(values.value(at));
}

void lindex(call& c) {
    place& p = c.key;
    if (!p) return c.out.null();
    std::int64_t index;
    if (!c.integer(2, index)) return;
    index = resolve(index, p.as<list>().size());
    auto at = p.as<list>().at(static_cast<std::size_t>(index)); // -1 is beyond any end
    at ? c.out.bulk(p.as<list>().value(at)) : c.out.null();
}

void lset(call& c) {
    place& p = c.key;
    if (!p) return c.out.error("ERR no such key");
    std::int64_t index;
    if (!c.integer(2, index)) return;
    index = resolve(index, p.as<list>().size());
    c.db.edit(p.at);
    auto at = p.as<list>().at(static_cast<std::size_t>(index));
    if (!at) return c.out.error("ERR index out of range");
    if (!p.as<list>().assign(at, c[3])) return c.no_memory();
    c.touch(p);
    c.out.ok();
}

void linsert(call& c) {
    bool after = same_word(c[2], "after");
    if (!after && !same_word(c[2], "before")) return c.syntax();
    place p;
    if (!c.find(p, 1, kind::list)) return;
    if (!p) return c.out.integer(0);
    auto& values = p.as<list>();
    auto at = values.first();
    while (at && values.value(at) != c[3]) at = values.next(at);
    if (!at) return c.out.integer(-1);
    c.db.edit(p.at);
    if (!values.insert(after ? values.next(at) : at, c[4])) return c.no_memory();
    c.touch(p);
    c.out.integer(static_cast<std::int64_t>(values.size()));
}

void lrem(call& c) {
    std::int64_t count;
    if (!c.integer(2, count)) return;
    place p;
    if (!c.find(p, 1, kind::list)) return;
    if (!p) return c.out.integer(0);
    auto& values = p.as<list>();
    c.db.edit(p.at);
    std::int64_t removed = 0, most = count == 0 || count == INT64_MIN ? INT64_MAX
                                     : count < 0                      ? -count
                                                                      : count;
    if (count >= 0) {
        for (auto at = values.first(); at && removed < most;) {
            bool hit = values.value(at) == c[3];
            at = hit ? values.erase(at) : values.next(at);
            removed += hit;
        }
    } else {
        for (auto at = values.last(); at && removed < most;) {
            if (values.value(at) == c[3]) {
                at = values.erase(at); // the one behind, or the end
                ++removed;
            }
            at = values.size() ? values.previous(at) : at;
        }
    }
    if (removed) {
        c.touch(p);
        c.drop_if_empty(p);
    }
    c.out.integer(removed);
}

void ltrim(call& c) {
    std::int64_t start, end;
    if (!read_range(c, start, end)) return;
    if (!c.key) return c.out.ok();
    auto& values = c.key.as<list>();
    c.db.edit(c.key.at);
    if (start > end) {
        values.drop(side::front, values.size());
    } else {
        values.drop(side::back, values.size() - static_cast<std::size_t>(end + 1));
        values.drop(side::front, static_cast<std::size_t>(start));
    }
    c.touch(c.key);
    c.drop_if_empty(c.key);
    c.out.ok();
}

} // namespace kv::commands
