#include "engine.hpp"

namespace kv {

namespace {

void send(session& to, std::initializer_list<text> parts) {
    reply out{to.out, to.protocol};
    out.push(parts.size());
    for (text part : parts) out.bulk(part);
    if (to.wake) to.wake(to);
}

// Answers a change of subscriptions; a null name stands for "none left to end".
void confirm(session& s, text what, text name) {
    reply out{s.out, s.protocol};
    out.push(3);
    out.bulk(what);
    name.data() ? out.bulk(name) : out.null();
    out.integer(s.subscriptions());
}

void subscribe_to(call& c, bool pattern) {
    session& s = c.who;
    registry& all = pattern ? c.kv.patterns : c.kv.channels;
    for (text name : c.args.subspan(1)) {
        if (s.subscriptions() >= c.kv.limit.subscriptions)
            return c.out.error("ERR too many subscriptions, see the limit on subscriptions of a client");
        if (all.add(name, c.db.hash(name), s, pattern ? s.patterns : s.channels) ==
            registry::added::no_memory)
            return c.no_memory();
        confirm(s, pattern ? "psubscribe"sv : "subscribe"sv, name);
    }
    s.out.set_limit(c.kv.limit.subscriber_output);
}

void unsubscribe_from(call& c, bool pattern) {
    session& s = c.who;
    registry& all = pattern ? c.kv.patterns : c.kv.channels;
    registry::interests& own = pattern ? s.patterns : s.channels;
    text what = pattern ? "punsubscribe"sv : "unsubscribe"sv;
    for (text name : c.args.subspan(1)) {
        all.remove(name, c.db.hash(name), s, own);
        confirm(s, what, name);
    }
    if (c.size() == 1 && !own.count) confirm(s, what, {});
    while (c.size() == 1 && own.count) {
        // The name goes with its last subscriber: so it is said first, with the number that will be.
        c.out.push(3);
        c.out.bulk(what);
        c.out.bulk(own.first->about->name());
        all.remove(own.first, own);
        c.out.integer(s.subscriptions());
    }
    if (!s.subscriptions()) s.out.set_limit(c.kv.limit.output);
}

} // namespace

std::int64_t engine::publish(text channel, text message) {
    std::int64_t receivers = 0;
    if (auto* t = channels.find(channel, db.hash(channel)))
        for (auto* l = t->first; l; l = l->next, ++receivers) send(*l->who, {"message", channel, message});
    patterns.each([&](registry::topic& t) {
        if (!glob_match(t.name(), channel)) return;
        for (auto* l = t.first; l; l = l->next, ++receivers)
            send(*l->who, {"pmessage", t.name(), channel, message});
    });
    messages += static_cast<std::uint64_t>(receivers);
    return receivers;
}

namespace commands {

void publish(call& c) { c.out.integer(c.kv.publish(c[1], c[2])); }

void subscribe(call& c) { subscribe_to(c, false); }
void psubscribe(call& c) { subscribe_to(c, true); }
void unsubscribe(call& c) { unsubscribe_from(c, false); }
void punsubscribe(call& c) { unsubscribe_from(c, true); }

void pubsub_channels(call& c) {
    if (c.size() > 3) return c.arity();
    std::size_t mark = c.out.mark(), count = 0;
    c.kv.channels.each([&](registry::topic& t) {
        if (c.size() == 3 && !glob_match(c[2], t.name())) return;
        c.out.bulk(t.name());
        ++count;
    });
    c.out.close_array(mark, count);
}

void pubsub_numsub(call& c) {
    c.out.array((c.size() - 2) * 2);
    for (text name : c.args.subspan(2)) {
        auto* t = c.kv.channels.find(name, c.db.hash(name));
        c.out.bulk(name);
        c.out.integer(t ? t->count : 0);
    }
}

void pubsub_numpat(call& c) { c.out.integer(c.kv.patterns.size()); }

} // namespace commands

} // namespace kv
