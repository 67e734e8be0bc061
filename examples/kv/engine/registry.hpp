// Who wants to hear of which name: subscribers of channels, watchers and waiters of keys.
#pragma once

#include "table.hpp"

namespace kv {

struct session;

class registry {
  public:
    struct topic;
    struct link {
        topic* about;
        session* who;
        link *previous, *next; // of the topic, in the order they came
        link *previous_of_who, *next_of_who;
    };
    struct topic {
        node* named;
        link *first = nullptr, *last = nullptr;
        std::uint32_t count = 0;
        bool ready = false; // in the queue of topics to be served
        topic* next_ready = nullptr;
        text name() const { return named->key(); }
    };
    struct interests { // of one session
        link* first = nullptr;
        std::uint32_t count = 0;
    };
    enum class added : std::uint8_t { yes, already, no_memory };

    explicit registry(arena& memory) : memory_{memory}, topics_{memory}, links_{memory} {}

    bool empty() const { return topics_.size() == 0; }
    std::uint32_t size() const { return topics_.size(); }
    topic* find(text name, std::uint32_t hash) {
        node* n = topics_.find(name, hash);
        return n ? &n->payload<topic>() : nullptr;
    }
    added add(text name, std::uint32_t hash, session& who, interests& of);
    bool remove(text name, std::uint32_t hash, session& who, interests& of); // false: there was none
    void remove(link* l, interests& of);
    void clear(interests& of) {
        while (of.first) remove(of.first, of);
    }
    template <class Visit> void each(Visit&& visit) {
        topics_.each([&](node* n) { visit(n->payload<topic>()); });
    }

    void mark_ready(topic& t);
    topic* take_ready();

  private:
    // A session's link to a name is found under the name's hash, mixed with the session.
    static std::uint32_t link_hash(std::uint32_t hash, const session& who) {
        auto p = reinterpret_cast<std::uintptr_t>(&who);
        return hash ^ static_cast<std::uint32_t>(p >> 4) * 0x9e3779b1u;
    }
    node* find_link(text name, std::uint32_t hash, session& who) {
        return links_.find_if(link_hash(hash, who),
                              [&](node* n) { return n->payload<link>().who == &who && n->key() == name; });
    }

    arena& memory_;
    table topics_, links_;
    topic *first_ready_ = nullptr, **last_ready_ = &first_ready_;
};

} // namespace kv
