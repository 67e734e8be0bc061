// What several kinds of values have in common.
#include "scan.hpp"

namespace kv::commands {

void count_elements(call& c) {
    const place& p = c.key;
    std::size_t n = !p ? 0 : p->type == kind::list ? p.as<list>().size() : p.as<table>().size();
    c.out.integer(static_cast<std::int64_t>(n));
}

// A hash's fields and a set's members are parts.
void has_part(call& c) { c.out.integer(c.part(c.key, c[2]) != nullptr); }

void remove_parts(call& c) {
    std::int64_t count = 0;
    for (text name : c.args.subspan(2)) {
        node* found = c.part(c.key, name);
        if (!found) continue;
        c.db.edit(c.key.at);
        c.key.as<table>().erase(found);
        ++count;
    }
    if (count) {
        c.touch(c.key);
        c.drop_if_empty(c.key);
    }
    c.out.integer(count);
}

// HSCAN gives fields and values, SSCAN members.
void scan_parts(call& c) {
    bool with_values = c.cmd->full_name() == "hscan";
    scan_request r;
    place p;
    if (!r.read_cursor(c, 2) || !c.find(p, 1, with_values ? kind::hash : kind::set)) return;
    if (!p) return reply_empty_scan(c);
    if (!r.read_options(c, 3, false)) return;
    reply_scan(c, p.as<table>(), r, [&](node* n) {
        if (!r.wants(n->key())) return 0;
        c.out.bulk(n->key());
        if (with_values) c.out.bulk(n->value());
        return 1 + with_values;
    });
}

} // namespace kv::commands
