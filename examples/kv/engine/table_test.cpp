#include "hash.hpp"
#include "testing.hpp"

#include <map>
#include <random>
#include <set>

namespace kv {
namespace {

using testing::region;

std::uint32_t hash_of(text s) { return static_cast<std::uint32_t>(sip_hash(s, {3, 4})); }
node* add(arena& memory, table& t, const std::string& name) {
    node* n = make_node(memory, name, hash_of(name), 0);
    EXPECT_TRUE(t.insert(n));
    return n;
}

TEST(table, holds_what_was_put_in) {
    region memory{16 << 20};
    {
        table t{memory};
        std::mt19937 random{1};
        std::set<std::string> names;
        for (int round = 0; round < 6; ++round) {
            // It grows in even rounds and shrinks in odd ones, through several segments.
            for (int i = 0; i < 20000; ++i) {
                std::string name = std::to_string(random() % 20000);
                node* n = t.find(name, hash_of(name));
                ASSERT_EQ(n != nullptr, names.contains(name));
                if (random() % 8 == 0 ? round % 2 == 1 : round % 2 == 0) {
                    if (!n) add(memory, t, name);
                    names.insert(name);
                } else if (n) {
                    t.erase(n);
                    names.erase(name);
                }
            }
            ASSERT_EQ(t.size(), names.size());
            ASSERT_GE(t.buckets() * 8u, t.size());
            ASSERT_LE(t.buckets(), std::max<std::size_t>(8 * names.size(), 64));
            std::set<std::string> seen;
            t.each([&](node* n) { seen.insert(std::string{n->key()}); });
            ASSERT_EQ(seen, names);
        }
    }
    EXPECT_EQ(memory->used(), 0u);
}

// What is in the table from the first call to the last is visited, whatever comes and goes.
TEST(table, scan_misses_nothing) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        region memory{4 << 20};
        table t{memory};
        std::mt19937 random{seed};
        std::set<std::string> staying, others, seen;
        for (unsigned i = 0, n = random() % 3000; i < n; ++i) {
            std::string name = "stays" + std::to_string(i);
            add(memory, t, name);
            staying.insert(name);
        }
        int drift = static_cast<int>(random() % 3);
        for (unsigned i = 0; drift == 2 && i < 5000; ++i) {
            std::string name = "first" + std::to_string(i);
            add(memory, t, name);
            others.insert(name);
        }
        std::uint32_t cursor = 0;
        unsigned calls = 0;
        do {
            cursor = t.scan(cursor, [&](node* n) { seen.insert(std::string{n->key()}); });
            for (unsigned i = 0; i < 3; ++i) {
                if (drift != 2 && others.size() < 6000) {
                    std::string name = "other" + std::to_string(random());
                    if (others.insert(name).second) add(memory, t, name);
                }
                if (drift != 1 && !others.empty()) {
                    auto name = *others.begin();
                    others.erase(others.begin());
                    t.erase(t.find(name, hash_of(name)));
                }
            }
            ASSERT_LT(++calls, 100000u);
        } while (cursor);
        for (auto& name : staying) ASSERT_TRUE(seen.contains(name)) << name << ", seed " << seed;
    }
}

TEST(table, random_is_fair) {
    region memory{1 << 20};
    table t{memory};
    for (int i = 0; i < 50; ++i) add(memory, t, std::to_string(i));
    std::mt19937_64 random{5};
    std::map<text, int> hits;
    for (int i = 0; i < 50000; ++i) ++hits[t.random([&] { return random(); })->key()];
    EXPECT_EQ(hits.size(), 50u);
    for (auto& [name, n] : hits) {
        EXPECT_GT(n, 800) << name;
        EXPECT_LT(n, 1200) << name;
    }
    table empty{memory};
    EXPECT_FALSE(empty.random([&] { return random(); }));
}

TEST(table, works_on_when_it_can_not_grow) {
    region memory{64 << 10};
    table t{memory};
    std::vector<node*> nodes;
    for (int i = 0;; ++i) {
        std::string name = std::to_string(i);
        node* n = make_node(memory, name, hash_of(name), 0);
        if (!n) break;
        nodes.push_back(n);
    }
    // Nothing is left for buckets, save for the first few.
    memory->deallocate(nodes.back());
    nodes.pop_back();
    memory->deallocate(nodes.back());
    nodes.pop_back();
    for (node* n : nodes) ASSERT_TRUE(t.insert(n));
    for (node* n : nodes) ASSERT_EQ(t.find(n->key(), n->hash), n);
    for (node* n : nodes) t.erase(n);
    EXPECT_EQ(t.size(), 0u);
}

TEST(hash, is_sip_hash_1_3) {
    // The first test vectors of SipHasher13 in Rust's library: key 0, 1, … 15, texts "" and "\0".
    hash_seed seed{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    const char bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    EXPECT_EQ(sip_hash({bytes, 0}, seed), 0xabac0158050fc4dcu);
    EXPECT_EQ(sip_hash({bytes, 1}, seed), 0xc9f49bf37d57ca93u);
    EXPECT_NE(sip_hash({bytes, 8}, seed), sip_hash({bytes, 9}, seed));
}

TEST(hash, is_crc_32c) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);           // RFC 3720's polynomial, the usual check value
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau); // RFC 3720, B.4
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

} // namespace
} // namespace kv
