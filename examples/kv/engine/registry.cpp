#include "registry.hpp"

namespace kv {

registry::added registry::add(text name, std::uint32_t hash, session& who, interests& of) {
    if (find_link(name, hash, who)) return added::already;
    node* named = topics_.find(name, hash);
    bool fresh = !named;
    if (fresh) {
        named = make_node(memory_, name, hash, 0, {kind::other, sizeof(topic)});
        if (!named) return added::no_memory;
        named->payload<topic>() = topic{named};
        if (!topics_.insert(named)) {
            memory_.deallocate(named);
            return added::no_memory;
        }
    }
    node* n = make_node(memory_, name, link_hash(hash, who), 0, {kind::other, sizeof(link)});
    if (!n || !links_.insert(n)) {
        memory_.deallocate(n);
        if (fresh) topics_.erase(named);
        return added::no_memory;
    }
    topic& t = named->payload<topic>();
    link& l = n->payload<link>();
    l = {&t, &who, t.last, nullptr, nullptr, of.first};
    (t.last ? t.last->next : t.first) = &l;
    t.last = &l;
    if (of.first) of.first->previous_of_who = &l;
    of.first = &l;
    ++t.count;
    ++of.count;
    return added::yes;
}

bool registry::remove(text name, std::uint32_t hash, session& who, interests& of) {
    node* n = find_link(name, hash, who);
    if (n) remove(&n->payload<link>(), of);
    return n;
}

void registry::remove(link* l, interests& of) {
    topic* t = l->about;
    (l->previous ? l->previous->next : t->first) = l->next;
    (l->next ? l->next->previous : t->last) = l->previous;
    (l->previous_of_who ? l->previous_of_who->next_of_who : of.first) = l->next_of_who;
    if (l->next_of_who) l->next_of_who->previous_of_who = l->previous_of_who;
    --of.count;
    links_.erase(reinterpret_cast<node*>(reinterpret_cast<char*>(l) - sizeof(node)));
    if (--t->count) return;
    if (t->ready) {
        topic** at = &first_ready_;
        while (*at != t) at = &(*at)->next_ready;
        *at = t->next_ready;
        if (!*at) last_ready_ = at;
    }
    topics_.erase(t->named);
}

void registry::mark_ready(topic& t) {
    if (t.ready) return;
    t.ready = true;
    t.next_ready = nullptr;
    *last_ready_ = &t;
    last_ready_ = &t.next_ready;
}

registry::topic* registry::take_ready() {
    topic* t = first_ready_;
    if (!t) return nullptr;
    first_ready_ = t->next_ready;
    if (!first_ready_) last_ready_ = &first_ready_;
    t->ready = false;
    return t;
}

} // namespace kv
