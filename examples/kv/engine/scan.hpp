// What SCAN, SSCAN and HSCAN share.
#pragma once

#include "engine.hpp"

namespace kv {

struct scan_request {
    std::uint32_t cursor = 0;
    std::size_t count = 10;
    bool filtered = false;
    text pattern;
    text type; // SCAN alone

    // False with the error replied.
    bool read_cursor(call& c, std::size_t i);
    bool read_options(call& c, std::size_t first, bool with_type);
    bool wants(text name) const { return !filtered || glob_match(pattern, name); }
};

// Puts the frame of a scan's reply around `items` elements that were appended since `mark`.
void close_scan(call& c, std::size_t mark, std::size_t items, std::uint32_t cursor);
void reply_empty_scan(call& c);

// `visit` appends what it wants of a node and returns how many elements that were.
template <class Visit> void reply_scan(call& c, table& t, const scan_request& r, Visit&& visit) {
    std::size_t mark = c.out.mark(), items = 0, seen = 0;
    std::uint32_t cursor = r.cursor;
    // Sparse tables have many empty buckets: a call looks at ten times as many as were asked for, and no more.
    std::size_t looks = r.count > SIZE_MAX / 10 ? SIZE_MAX : r.count * 10;
    do {
        cursor = t.scan(cursor, [&](node* n) {
            ++seen;
            items += visit(n);
        });
    } while (cursor && --looks && seen < r.count);
    close_scan(c, mark, items, cursor);
}

} // namespace kv
