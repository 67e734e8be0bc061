#include "scan.hpp"

namespace kv {

bool scan_request::read_cursor(call& c, std::size_t i) {
    auto v = parse_integer(c[i]);
    if (!v || *v < 0) {
        c.out.error("ERR invalid cursor");
        return false;
    }
    cursor = static_cast<std::uint32_t>(*v);
    return true;
}

bool scan_request::read_options(call& c, std::size_t first, bool with_type) {
    for (std::size_t i = first; i < c.size(); i += 2) {
        bool good = i + 1 < c.size();
        if (good && same_word(c[i], "count")) {
            std::int64_t v;
            if (!c.integer(i + 1, v)) return false;
            good = v >= 1;
            count = static_cast<std::size_t>(v);
        } else if (good && same_word(c[i], "match")) {
            pattern = c[i + 1];
            filtered = pattern != "*";
        } else if (good && with_type && same_word(c[i], "type")) {
            type = c[i + 1];
        } else {
            good = false;
        }
        if (!good) {
            c.syntax();
            return false;
        }
    }
    return true;
}

void close_scan(call& c, std::size_t mark, std::size_t items, std::uint32_t cursor) {
    c.out.close_array(mark, items);
    // The cursor comes first, but is known last.
    std::size_t end = c.out.mark();
    c.out.array(2);
    c.out.bulk(std::int64_t{cursor});
    c.out.move_to_front(mark, end);
}

void reply_empty_scan(call& c) {
    c.out.array(2);
    c.out.bulk("0");
    c.out.array(0);
}

namespace commands {

namespace {

text type_name(kind k) {
    return k == kind::string ? "string"sv : k == kind::list ? "list"sv : k == kind::hash ? "hash"sv : "set"sv;
}

void rename_key(call& c, bool only_new) {
    place from = c.db.find(c[1]);
    if (!from) return c.out.error("ERR no such key");
    bool same = c[1] == c[2];
    place to = c.db.find(c[2]);
    if (only_new && (same || to)) return c.out.integer(0);
    if (!same) {
        if (!c.db.rename(from, to)) return c.no_memory();
        c.touch(from);
        c.touch(to);
        if (to->type == kind::list) c.kv.list_grew(to);
    }
    only_new ? c.out.integer(1) : c.out.ok();
}

void set_expiry(call& c, bool seconds, std::int64_t base) {
    bool nx = false, xx = false, gt = false, lt = false;
    for (text word : c.args.subspan(3)) {
        bool& flag = same_word(word, "nx")   ? nx
                     : same_word(word, "xx") ? xx
                     : same_word(word, "gt") ? gt
                                             : lt;
        if (&flag == &lt && !same_word(word, "lt")) return c.out.error_of("ERR Unsupported option ", word);
        flag = true;
    }
    if (nx && (xx || gt || lt))
        return c.out.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    if (gt && lt) return c.out.error("ERR GT and LT options at the same time are not compatible");
    std::int64_t when;
    if (!c.integer(2, when)) return;
    if ((seconds && __builtin_mul_overflow(when, 1000, &when)) || __builtin_add_overflow(when, base, &when))
        return c.out.error_of("ERR invalid expire time in '", c.cmd->full_name(), "' command");
    place p = c.db.find(c[1]);
    if (!p) return c.out.integer(0);
    std::int64_t old = p->deadline();
    bool endless = old == node::none;
    if ((nx && !endless) || (xx && endless) || (gt && (endless || when <= old)) ||
        (lt && !endless && when >= old))
        return c.out.integer(0);
    if (c.db.is_past(when) && !c.db.replaying) {
        c.touch(p);
        c.db.remove(p);
        c.log("DEL", c[1]);
    } else {
        if (!c.db.set_deadline(p, when)) return c.no_memory();
        c.touch(p);
        c.log("PEXPIREAT", c[1], digits{when}.view());
    }
    c.out.integer(1);
}

void reply_time_left(call& c, bool seconds, bool absolute) {
    place p = c.db.find(c[1]);
    if (!p) return c.out.integer(-2);
    std::int64_t t = p->deadline();
    if (t == node::none) return c.out.integer(-1);
    if (!absolute) t = std::max<std::int64_t>(t - c.db.now, 0);
    c.out.integer(seconds ? (t + 500) / 1000 : t);
}

} // namespace

void del(call& c) {
    std::int64_t count = 0;
    for (text key : c.args.subspan(1)) {
        place p = c.db.find(key);
        if (!p) continue;
        c.touch(p);
        c.db.remove(p);
        ++count;
    }
    c.out.integer(count);
}

void exists(call& c) {
    std::int64_t count = 0;
    for (text key : c.args.subspan(1)) count += static_cast<bool>(c.db.find(key));
    c.out.integer(count);
}

void type(call& c) {
    place p = c.db.find(c[1]);
    c.out.simple(p ? type_name(p->type) : "none");
}

void keys(call& c) {
    std::size_t mark = c.out.mark(), count = 0;
    c.db.keys().each([&](node* n) {
        if (c.db.expired(n) || !(c[1] == "*" || glob_match(c[1], n->key()))) return;
        c.out.bulk(n->key());
        ++count;
    });
    c.out.close_array(mark, count);
}

void scan(call& c) {
    scan_request r;
    if (!r.read_cursor(c, 1) || !r.read_options(c, 2, true)) return;
    reply_scan(c, c.db.keys(), r, [&](node* n) {
        if (c.db.expired(n) || !r.wants(n->key())) return 0;
        if (r.type.data() && !same_word(r.type, type_name(n->type))) return 0;
        c.out.bulk(n->key());
        return 1;
    });
}

void randomkey(call& c) {
    for (int tries = 100; tries;
         --tries) { // if that many were past their deadlines, one of them is the answer
        node* n = c.db.keys().random([&] { return c.db.random(); });
        if (!n) break;
        if (!c.db.expired(n) || tries == 1) return c.out.bulk(n->key());
    }
    c.out.null();
}

void rename(call& c) { rename_key(c, false); }
void renamenx(call& c) { rename_key(c, true); }

void expire(call& c) { set_expiry(c, true, c.db.now); }
void pexpire(call& c) { set_expiry(c, false, c.db.now); }
void expireat(call& c) { set_expiry(c, true, 0); }
void pexpireat(call& c) { set_expiry(c, false, 0); }

void ttl(call& c) { reply_time_left(c, true, false); }
void pttl(call& c) { reply_time_left(c, false, false); }
void expiretime(call& c) { reply_time_left(c, true, true); }
void pexpiretime(call& c) { reply_time_left(c, false, true); }

void persist(call& c) {
    place p = c.db.find(c[1]);
    if (!p || p->deadline() == node::none) return c.out.integer(0);
    c.db.clear_deadline(p.at);
    c.touch(p);
    c.out.integer(1);
}

void dbsize(call& c) { c.out.integer(c.db.size()); }

void flushall(call& c) {
    if (c.size() > 2 || (c.size() == 2 && !same_word(c[1], "sync") && !same_word(c[1], "async")))
        return c.syntax();
    c.kv.watched.each([&](registry::topic& t) {
        if (c.db.keys().find(t.name(), t.named->hash)) c.touch(t.name(), t.named->hash);
    });
    c.changed = true;
    c.db.clear();
    c.out.ok();
}

void object_encoding(call& c) {
    place p = c.db.find(c[2]);
    if (!p) return c.out.null();
    if (p->type == kind::list) return c.out.bulk("quicklist");
    if (p->type != kind::string) return c.out.bulk("hashtable");
    c.out.bulk(parse_integer(p->value()) ? "int"sv : p->value_size <= 44 ? "embstr"sv : "raw"sv);
}

void object_refcount(call& c) { c.db.find(c[2]) ? c.out.integer(1) : c.out.null(); }

} // namespace commands

} // namespace kv
