// The keys: values of four kinds, deadlines, and the hooks for log and snapshot.
#pragma once

#include "hash.hpp"
#include "list.hpp"
#include "table.hpp"

namespace kv {

// A key, and its node if it exists. Obtained from find(), and kept up to date by the store's functions.
struct place {
    text key;
    std::uint32_t hash = 0;
    node* at = nullptr;

    explicit operator bool() const { return at; }
    node* operator->() const { return at; }
    template <class T> T& as() const { return *at->payload<T*>(); } // a list or a table
};

class store {
  public:
    store(arena& memory, hash_seed seed);
    ~store() {
        clear();
        memory_.set_reclaimer(nullptr, nullptr);
    }
    store(const store&) = delete;
    store& operator=(const store&) = delete;

    // Milliseconds of Unix time, set by whoever drives the store, and still while one command or transaction runs.
    std::int64_t now = 0;
    // While the log is replayed nothing expires by itself: the log says when it did.
    bool replaying = false;

    std::uint32_t hash(text key) const { return static_cast<std::uint32_t>(sip_hash(key, seed_)); }
    std::uint64_t random(); // not for secrets
    arena& memory() { return memory_; }
    std::uint32_t size() const { return keys_.size(); }
    table& keys() { return keys_; }

    place find(text key) {
        place p{key, hash(key)};
        p.at = keys_.find(key, p.hash);
        if (p.at && p.at->timed && expired(p.at)) [[unlikely]] {
            expire(p.at);
            p.at = nullptr;
        }
        return p;
    }
    bool expired(const node* n) const { return n->timed && is_past(n->deadline()) && !replaying; }
    bool is_past(std::int64_t deadline) const { return deadline != node::none && deadline <= now; }

    // To be called before whatever is in a node, or in its list or table, is changed by other means than these.
    void edit(node* n) {
        if (n->epoch != epoch_) [[unlikely]]
            preserve_(preserver_, n);
    }

    // These need memory: false means that there was none, and nothing has changed.
    [[nodiscard]] bool put(place& p, text value,
                           std::int64_t deadline = node::none);  // whatever was there before
    [[nodiscard]] bool resize_value(place& p, std::size_t size); // of a string
    [[nodiscard]] bool set_deadline(place& p, std::int64_t deadline);
    [[nodiscard]] bool rename(place& from, place& to);
    [[nodiscard]] bool take(node* n); // a string from make_node, in place of whatever has its name
    // Nodes of the texts' names, every `step`th, with the text behind as value if `step` is 2. What has been made is in
    // `nodes` also if memory didn't suffice for all.
    [[nodiscard]] bool make_nodes(std::span<const text> texts, std::size_t step, segmented_array& nodes);
    // One field of a hash, or one member of a set.
    [[nodiscard]] bool put_part(table& parts, text name, text value);
    [[nodiscard]] bool put_collection(place& p, kind type, void* collection); // whatever was there before
    // An empty list or table under a key that doesn't exist. It must not stay empty.
    template <class Collection> [[nodiscard]] Collection* add(place& p, kind type) {
        auto* made = make<Collection>(memory_, memory_);
        if (!made || put_collection(p, type, made)) return made;
        destroy(memory_, made);
        return nullptr;
    }

    void clear_deadline(node* n);
    void remove(place& p);
    void clear();

    // Upkeep in small steps. Looks at up to `checks` keys that have a deadline, returns how many were past it.
    std::uint32_t expire_some(std::uint32_t checks);
    // Frees a part of the large values that were removed; false when none are left.
    bool bury_some(std::uint32_t budget);
    std::uint32_t timed_count() const { return timed_.size(); }

    // Called with each key that expires, before it goes.
    void set_expiry_hook(void (*hook)(void*, text key), void* context) {
        on_expired_ = hook;
        expiry_context_ = context;
    }
    // A snapshot starts: each node that exists now is given to `preserve` before its first change.
    void begin_epoch(void (*preserve)(void*, node*), void* context) {
        ++epoch_;
        preserve_ = preserve;
        preserver_ = context;
    }
    void end_epoch() { // what was not preserved needs it no longer
        preserve_ = [](void* self, node* n) { static_cast<store*>(self)->mark_preserved(n); };
        preserver_ = this;
    }
    bool preserved(const node* n) const { return n->epoch == epoch_; }
    void mark_preserved(node* n) { n->epoch = epoch_; }

    std::uint64_t expired_count = 0;
    std::uint64_t clears = 0; // so that a snapshot notices

  private:
    bool set_time(node* n, std::int64_t deadline); // in a node with room for it
    void expire(node* n);
    void detach(node* n); // takes it out, but not its contents
    void dispose(node* n);

    arena& memory_;
    hash_seed seed_;
    table keys_;
    segmented_array timed_; // the keys with a deadline, in no order
    std::uint32_t sweep_ = 0;
    node* buried_ = nullptr; // large values on their way out
    std::uint64_t random_state_;
    std::uint16_t epoch_ = 0;
    void (*preserve_)(void*, node*) = nullptr;
    void* preserver_ = nullptr;
    void (*on_expired_)(void*, text) = nullptr;
    void* expiry_context_ = nullptr;
};

} // namespace kv
