// The hash table of everything that has a name: keys, fields of a hash, members of a set, channels.
//
// Linear hashing (Litwin, VLDB 1980): the table grows and shrinks by one bucket at a time, so there is never a
// rehash to wait for or a second table to look into, and no allocation is larger than a segment of buckets.
#pragma once

#include "arena.hpp"
#include "text.hpp"

#include <type_traits>

namespace kv {

enum class kind : std::uint8_t { string, list, hash, set, other };

// One named thing, in one block: header, deadline (if timed), payload, key, string value.
struct alignas(8) node {
    struct timing {
        std::int64_t deadline; // milliseconds of Unix time; none: the key was made persistent again
        std::uint32_t place;   // in the store's list of timed keys
    };
    static constexpr std::int64_t none = INT64_MIN;

    node* next;
    std::uint32_t hash;
    std::uint32_t key_size;
    std::uint32_t value_size;
    kind type;
    std::uint8_t timed : 1;  // there is room for a deadline
    std::uint8_t key_at : 7; // in units of 8 bytes
    std::uint16_t epoch;     // of the last snapshot that needs nothing more of this key

    char* bytes() { return reinterpret_cast<char*>(this); }
    const char* bytes() const { return reinterpret_cast<const char*>(this); }
    text key() const { return {bytes() + key_at * 8u, key_size}; }
    char* value_bytes() { return bytes() + key_at * 8u + key_size; }
    text value() const { return {bytes() + key_at * 8u + key_size, value_size}; }
    timing& time() { return *reinterpret_cast<timing*>(bytes() + sizeof(node)); }
    std::int64_t deadline() const { return timed ? const_cast<node*>(this)->time().deadline : none; }
    // What a node of another kind than string holds: T is known from the kind, or from the table.
    template <class T> T& payload() {
        return *reinterpret_cast<T*>(bytes() + sizeof(node) + (timed ? sizeof(timing) : 0));
    }
};
static_assert(sizeof(node::timing) == 16 && sizeof(node) % 8 == 0);

struct node_shape {
    kind type = kind::string;
    std::size_t payload = 0; // bytes
    bool timed = false;
};
constexpr std::size_t node_size(std::size_t key, std::size_t value, const node_shape& shape) {
    return sizeof(node) + (shape.timed ? sizeof(node::timing) : 0) + (shape.payload + 7) / 8 * 8 + key +
           value;
}
constexpr std::size_t max_text = std::size_t{1} << 30; // of a key or a value; sizes are kept in 32 bits

// A node outside any table with its key in place; payload and value are not written. nullptr: no memory.
node* make_node(arena& memory, text key, std::uint32_t hash, std::size_t value_size,
                const node_shape& shape = {});

// An array that grows and shrinks at its end, in segments, without ever moving more than one segment.
class segmented_array {
  public:
    explicit segmented_array(arena& memory) : memory_{memory} {}
    ~segmented_array();
    segmented_array(const segmented_array&) = delete;
    segmented_array& operator=(const segmented_array&) = delete;

    node*& operator[](std::uint32_t i) { return directory_[i >> segment_bits][i & (segment_size - 1)]; }
    std::uint32_t size() const { return size_; }
    [[nodiscard]] bool push(node* value); // false: no memory
    void pop();

  private:
    static constexpr std::uint32_t segment_bits = 9, segment_size = 1u << segment_bits, smallest = 4;

    void drop_directory();

    arena& memory_;
    node** first_ = nullptr;      // the first segment, which may be a part
    node*** directory_ = &first_; // as long as there is only one segment, the directory is here
    std::uint32_t size_ = 0;
};

class table {
  public:
    explicit table(arena& memory) : memory_{memory}, buckets_{memory} {}
    ~table(); // frees the nodes that are still in it
    table(const table&) = delete;
    table& operator=(const table&) = delete;

    std::uint32_t size() const { return count_; }
    std::uint32_t buckets() const { return buckets_.size(); }

    node* find(text key, std::uint32_t hash) {
        return find_if(hash, [&](node* n) { return n->key() == key; });
    }
    template <class Match> node* find_if(std::uint32_t hash, Match&& match) {
        if (!count_) return nullptr;
        node* n = buckets_[bucket_of(hash)];
        while (n && !(n->hash == hash && match(n))) n = n->next;
        return n;
    }
    // Fails only for the first node of an empty table: later, a table that can't grow has longer chains.
    [[nodiscard]] bool insert(node* n);
    void unlink(node* n);               // takes it out; the caller owns it again
    void replace(node* old, node* now); // of the same name
    void erase(node* n) {
        unlink(n);
        memory_.deallocate(n);
    }
    // A node with every one equally likely; nullptr from an empty table. `next_random` gives 64 random bits a call.
    template <class Random> node* random(Random&& next_random) {
        if (!count_) return nullptr;
        for (;;) {
            std::uint64_t bits = next_random();
            auto bucket = static_cast<std::uint32_t>((bits & 0xffffffff) * buckets_.size() >> 32);
            // A place in the chain as well, taken only if there is a node: so long chains are not favoured.
            auto depth = static_cast<unsigned>(bits >> 61);
            node* n = buckets_[bucket];
            while (n && depth--) n = n->next;
            if (n) return n;
        }
    }
    // Visits the bucket (or two) that `cursor` stands for and returns the next cursor, 0 at the end. Counts cursors
    // with their bits reversed (Pieter Noordhuis' SCAN, in Redis): whatever is in the table from the first call
    // to the last is visited at least once, though the table grows or shrinks in between. `visit` must not
    // change the table.
    template <class Visit> std::uint32_t scan(std::uint32_t cursor, Visit&& visit) {
        if (!count_) return 0;
        std::uint32_t low = mask_ >> 1, bucket = cursor & low;
        for (node* n = buckets_[bucket]; n; n = n->next) visit(n);
        if (std::uint32_t twin = bucket + low + 1; twin < buckets_.size())
            for (node* n = buckets_[twin]; n; n = n->next) visit(n);
        return reverse(reverse(cursor | ~low) + 1);
    }
    template <class Visit> void each(Visit&& visit) {
        for (std::uint32_t i = 0; i < buckets_.size(); ++i)
            for (node *n = buckets_[i], *next; n; n = next) {
                next = n->next;
                visit(n);
            }
    }
    // Hands up to about `budget` nodes to `dispose`; false when nothing is left. In between the table serves nothing
    // else.
    template <class Dispose> bool drain(std::uint32_t budget, Dispose&& dispose) {
        for (; budget && buckets_.size(); --budget) {
            std::uint32_t last = buckets_.size() - 1;
            if (node* n = buckets_[last]) {
                buckets_[last] = n->next;
                --count_;
                dispose(n);
            } else {
                buckets_.pop();
            }
        }
        return buckets_.size() != 0;
    }

  private:
    static std::uint32_t reverse(std::uint32_t v) {
        v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
        v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
        v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
        return __builtin_bswap32(v);
    }
    std::uint32_t bucket_of(std::uint32_t hash) const {
        std::uint32_t bucket = hash & mask_;
        return bucket < buckets_.size() ? bucket : bucket & mask_ >> 1;
    }
    void set_mask() { mask_ = (std::bit_floor(buckets_.size()) << 1) - 1; }
    void split();
    void merge();

    arena& memory_;
    segmented_array buckets_;
    std::uint32_t count_ = 0;
    std::uint32_t mask_ = 0; // of the buckets there will be when the present round of splits is done
};

} // namespace kv
