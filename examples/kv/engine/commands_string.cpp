#include "engine.hpp"

namespace kv::commands {

namespace {

enum class from : bool { now, epoch };

// The deadline that a positive number of seconds (or milliseconds) in argument i means.
bool read_deadline(call& c, std::size_t i, bool seconds, from base, std::int64_t& deadline) {
    std::int64_t v;
    if (!c.integer(i, v)) return false;
    bool good = v > 0 && !(seconds && v > INT64_MAX / 1000);
    if (good && seconds) v *= 1000;
    if (good && base == from::now) good = !__builtin_add_overflow(v, c.db.now, &v);
    if (!good) c.out.error_of("ERR invalid expire time in '", c.cmd->full_name(), "' command");
    deadline = v;
    return good;
}

// The options of SET, and of GETEX, which has fewer.
struct set_options {
    bool nx = false, xx = false, get = false, keep = false, persist = false;
    std::size_t time_at = 0; // the argument with a time
    bool seconds = false;
    from base = from::now;
};
// Whether EX, PX, EXAT or PXAT is what the options have already: only then may it come again.
bool same_unit(const set_options& o, text word) {
    return o.seconds == (fold(word[0]) == 'e') && (o.base == from::now) == (word.size() == 2);
}

bool read_options(call& c, std::size_t first, bool is_set, set_options& o) {
    for (std::size_t i = first; i < c.size(); ++i) {
        text word = c[i];
        bool last = i + 1 == c.size();
        bool is_time = !last && (same_word(word, "ex") || same_word(word, "px") || same_word(word, "exat") ||
                                 same_word(word, "pxat"));
        if (is_set && same_word(word, "nx") && !o.xx) {
            o.nx = true;
        } else if (is_set && same_word(word, "xx") && !o.nx) {
            o.xx = true;
        } else if (is_set && same_word(word, "get")) {
            o.get = true;
        } else if (is_set && same_word(word, "keepttl") && !o.time_at) {
            o.keep = true;
        } else if (!is_set && same_word(word, "persist") && !o.time_at) {
            o.persist = true;
        } else if (is_time && !o.keep && !o.persist && (!o.time_at || same_unit(o, word))) {
            o.time_at = ++i;
            o.seconds = fold(word[0]) == 'e';
            o.base = word.size() == 2 ? from::now : from::epoch;
        } else {
            c.syntax();
            return false;
        }
    }
    return true;
}

// Stores what SET stores and logs it with its absolute deadline.
bool store_value(call& c, place& p, text value, std::int64_t deadline) {
    if (!c.db.put(p, value, deadline)) return false;
    c.touch(p);
    if (deadline != node::none) c.log("SET", p.key, value, "PXAT", digits{deadline}.view());
    return true;
}

void set_expiring(call& c, bool seconds) {
    std::int64_t deadline;
    if (!read_deadline(c, 2, seconds, from::now, deadline)) return;
    place p = c.db.find(c[1]);
    store_value(c, p, c[3], deadline) ? c.out.ok() : c.no_memory();
}

void add_to(call& c, std::int64_t by) {
    place& p = c.key;
    std::int64_t v = 0;
    if (p) {
        auto old = parse_integer(p->value());
        if (!old) return c.out.error("ERR value is not an integer or out of range");
        v = *old;
    }
    if (__builtin_add_overflow(v, by, &v)) return c.out.error("ERR increment or decrement would overflow");
    if (!c.db.put(p, digits{v}, p ? p->deadline() : node::none)) return c.no_memory();
    c.touch(p);
    c.out.integer(v);
}

// Sizes that clients could not have sent in one piece must not come about in pieces either.
bool size_fits(call& c, std::uint64_t size) {
    if (size <= c.kv.limit.value()) return true;
    c.out.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

bool put_all(call& c, bool only_new) {
    if (c.size() % 2 == 0) {
        c.arity();
        return false;
    }
    bool exists = false;
    for (std::size_t i = 1; only_new && i < c.size() && !exists; i += 2)
        exists = static_cast<bool>(c.db.find(c[i]));
    if (exists) {
        c.out.integer(0);
        return false;
    }
    // All new keys first, aside: then nothing can fail halfway.
    segmented_array fresh{c.db.memory()};
    bool complete = c.db.make_nodes(c.args.subspan(1), 2, fresh);
    for (std::uint32_t i = 0; i < fresh.size(); ++i) {
        node* n = fresh[i];
        complete = complete && c.db.take(n); // can only fail for the first
        if (complete)
            c.touch(n->key(), n->hash);
        else
            c.db.memory().deallocate(n);
    }
    if (!complete) c.no_memory();
    return complete;
}

} // namespace

void get(call& c) { c.value_or_null(c.key.at); }

void set(call& c) {
    set_options o;
    std::int64_t deadline = node::none;
    if (c.size() > 3) {
        if (!read_options(c, 3, true, o)) return;
        if (o.time_at && !read_deadline(c, o.time_at, o.seconds, o.base, deadline)) return;
    }
    place p = c.db.find(c[1]);
    std::size_t mark = c.out.mark();
    if (o.get) {
        if (p && p->type != kind::string) return c.wrong_type();
        c.value_or_null(p.at);
    }
    if ((o.nx && p) || (o.xx && !p)) {
        if (!o.get) c.out.null();
        return;
    }
    if (o.keep && p) deadline = p->deadline();
    if (!store_value(c, p, c[2], deadline)) {
        c.out.out().truncate(mark); // the old value, if that was asked for
        return c.no_memory();
    }
    if (!o.get) c.out.ok();
}

void setnx(call& c) {
    place p = c.db.find(c[1]);
    if (p) return c.out.integer(0);
    store_value(c, p, c[2], node::none) ? c.out.integer(1) : c.no_memory();
}

void setex(call& c) { set_expiring(c, true); }
void psetex(call& c) { set_expiring(c, false); }

void getset(call& c) {
    place& p = c.key;
    std::size_t mark = c.out.mark();
    c.value_or_null(p.at);
    if (store_value(c, p, c[2], node::none)) return;
    c.out.out().truncate(mark);
    c.no_memory();
}

void getdel(call& c) {
    place& p = c.key;
    if (!p) return c.out.null();
    c.out.bulk(p->value());
    c.touch(p);
    c.db.remove(p);
    c.log("DEL", c[1]);
}

void getex(call& c) {
    set_options o;
    if (!read_options(c, 2, false, o)) return;
    place p;
    if (!c.find(p, 1, kind::string)) return;
    if (!p) return c.out.null();
    std::int64_t deadline;
    if (o.time_at && !read_deadline(c, o.time_at, o.seconds, o.base, deadline)) return;
    std::size_t mark = c.out.mark();
    c.out.bulk(p->value());
    if (o.persist && p->deadline() != node::none) {
        c.db.clear_deadline(p.at);
        c.touch(p);
        c.log("PERSIST", c[1]);
    } else if (o.time_at && o.base == from::epoch && c.db.is_past(deadline)) {
        c.touch(p);
        c.db.remove(p);
        c.log("DEL", c[1]);
    } else if (o.time_at) {
        if (!c.db.set_deadline(p, deadline)) {
            c.out.out().truncate(mark);
            return c.no_memory();
        }
        c.touch(p);
        c.log("PEXPIREAT", c[1], digits{deadline}.view());
    }
}

void mget(call& c) {
    c.out.array(c.size() - 1);
    for (text key : c.args.subspan(1)) {
        place p = c.db.find(key);
        p && p->type == kind::string ? c.out.bulk(p->value()) : c.out.null();
    }
}

void mset(call& c) {
    if (put_all(c, false)) c.out.ok();
}
void msetnx(call& c) {
    if (put_all(c, true)) c.out.integer(1);
}

void append(call& c) {
    place& p = c.key;
    bool existed = static_cast<bool>(p);
    std::size_t old = p ? p->value_size : 0;
    if (!size_fits(c, std::uint64_t{old} + c[2].size())) return;
    if (!(p ? c.db.resize_value(p, old + c[2].size()) : c.db.put(p, c[2]))) return c.no_memory();
    if (existed && !c[2].empty()) std::memcpy(p->value_bytes() + old, c[2].data(), c[2].size());
    c.touch(p);
    c.out.integer(p->value_size);
}

void strlen(call& c) { c.out.integer(c.key ? c.key->value_size : 0); }

void incr(call& c) { add_to(c, 1); }
void decr(call& c) { add_to(c, -1); }
void incrby(call& c) {
    std::int64_t by;
    if (c.integer(2, by) && c.find(c.key, 1, kind::string)) add_to(c, by);
}
void decrby(call& c) {
    std::int64_t by;
    if (!c.integer(2, by)) return;
    if (by == INT64_MIN) return c.out.error("ERR decrement would overflow");
    if (c.find(c.key, 1, kind::string)) add_to(c, -by);
}

void incrbyfloat(call& c) {
    place& p = c.key;
    auto old = p ? parse_float(p->value()) : 0, by = parse_float(c[2]);
    if (!old || !by) return c.out.error("ERR value is not a valid float");
    char buffer[float_text_size];
    text sum = format_sum(*old, *by, buffer);
    if (sum.empty()) return c.out.error("ERR increment would produce NaN or Infinity");
    if (!c.db.put(p, sum, p ? p->deadline() : node::none)) return c.no_memory();
    c.touch(p);
    c.log("SET", c[1], sum, "KEEPTTL"); // another machine may round differently
    c.out.bulk(sum);
}

void getrange(call& c) {
    std::int64_t start, end;
    if (!c.integer(2, start) || !c.integer(3, end)) return;
    place p;
    if (!c.find(p, 1, kind::string)) return;
    std::int64_t size = p ? p->value_size : 0;
    if (start < 0 && end < 0 && start > end) return c.out.bulk("");
    start = std::max<std::int64_t>(start < 0 ? start + size : start, 0);
    end = std::min(std::max<std::int64_t>(end < 0 ? end + size : end, 0), size - 1);
    if (start > end || size == 0) return c.out.bulk("");
    c.out.bulk(slice(p->value(), static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1)));
}

void setrange(call& c) {
    std::int64_t offset;
    if (!c.integer(2, offset)) return;
    if (offset < 0) return c.out.error("ERR offset is out of range");
    place p;
    if (!c.find(p, 1, kind::string)) return;
    std::size_t old = p ? p->value_size : 0;
    text part = c[3];
    if (part.empty()) return c.out.integer(static_cast<std::int64_t>(old));
    std::uint64_t end = static_cast<std::uint64_t>(offset) + part.size();
    if (!size_fits(c, end)) return;
    bool created = !p;
    if (created && !c.db.put(p, "")) return c.no_memory();
    if (end > old && !c.db.resize_value(p, static_cast<std::size_t>(end))) {
        if (created) c.db.remove(p);
        return c.no_memory();
    }
    c.db.edit(p.at);
    auto at = static_cast<std::size_t>(offset);
    if (at > old) std::memset(p->value_bytes() + old, 0, at - old);
    std::memcpy(p->value_bytes() + at, part.data(), part.size());
    c.touch(p);
    c.out.integer(p->value_size);
}

} // namespace kv::commands
