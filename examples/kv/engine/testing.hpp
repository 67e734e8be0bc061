// What the engine's tests share: memory, a client, and the whole state as text.
#pragma once

#include "snapshot.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

// GCC 12 sees an overlap in "k" + std::to_string(i): its bug 105651.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"
#endif

namespace kv::testing {

class region {
  public:
    explicit region(std::size_t size)
        : bytes_{std::malloc(size)}, arena_{{static_cast<std::byte*>(bytes_), size}} {}
    ~region() {
#ifdef KV_POISON
        __asan_unpoison_memory_region(bytes_, arena_.capacity() + 2 * arena::unit);
#endif
        std::free(bytes_);
    }
    region(const region&) = delete;
    region& operator=(const region&) = delete;
    operator arena&() { return arena_; }
    arena* operator->() { return &arena_; }

  private:
    void* bytes_;
    arena arena_;
};

struct client : session {
    client(arena& memory, engine& kv) : session{memory}, kv_{kv} {
        owner = this;
        wake = [](session& s) { ++static_cast<client*>(&s)->woken; };
        kv.attach(*this);
    }
    ~client() { kv_.detach(*this); }

    // Sends words that are separated by spaces, returns the reply with "|" for each line's end.
    std::string operator()(const std::string& line) {
        std::vector<std::string> words{""};
        for (char c : line) {
            if (c == ' ')
                words.emplace_back();
            else
                words.back() += c;
        }
        return send(words);
    }
    std::string send(const std::vector<std::string>& words) {
        std::vector<text> args(words.begin(), words.end());
        result = kv_.execute(*this, args);
        return received();
    }
    std::string received() {
        std::string reply{out.view()};
        out.clear();
        for (std::size_t at; (at = reply.find("\r\n")) != std::string::npos;) reply.replace(at, 2, "|");
        return reply;
    }

    outcome result = outcome::done;
    int woken = 0;

  private:
    engine& kv_;
};

// Runs requests without anybody waiting for their replies.
inline void replay(engine& kv, arena& buffers, std::string requests) {
    client c{buffers, kv};
    request_parser parser{buffers, kv.limit.request};
    kv.db.replaying = true;
    for (std::size_t at = 0; at < requests.size(); at += parser.consumed()) {
        ASSERT_EQ(parser.parse(requests.data() + at, requests.size() - at), request_parser::status::complete);
        kv.execute(c, parser.args());
        EXPECT_NE(c.out.view().front(), '-') << c.out.view();
        c.out.clear();
    }
    kv.db.replaying = false;
}

struct world {
    region data, buffers, records;
    engine kv;
    std::unique_ptr<client> first;

    explicit world(std::size_t data_size = 1 << 20, std::size_t buffers_size = 4 << 20)
        : data{data_size}, buffers{buffers_size}, records{4 << 20}, kv{data, buffers, records, {1, 2}} {
        kv.db.now = 1'000'000;
        first = std::make_unique<client>(buffers, kv);
    }
    std::string operator()(const std::string& line) { return (*first)(line); }
    std::unique_ptr<client> connect() { return std::make_unique<client>(buffers, kv); }

    // All keys with their values and deadlines, independent of the order in tables.
    std::string state() {
        std::vector<std::string> keys;
        kv.db.keys().each([&](node* n) {
            std::string line = std::string{n->key()} + "@" + std::to_string(n->deadline()) + "=";
            std::vector<std::string> parts;
            if (n->type == kind::string) {
                line += n->value();
            } else if (n->type == kind::list) {
                auto& l = *n->payload<list*>();
                for (auto at = l.first(); at; at = l.next(at)) line += "[" + std::string{l.value(at)} + "]";
            } else {
                n->payload<table*>()->each(
                    [&](node* p) { parts.push_back(std::string{p->key()} + ":" + std::string{p->value()}); });
            }
            std::ranges::sort(parts);
            for (auto& p : parts) line += "{" + p + "}";
            keys.push_back(line + "\n");
        });
        std::ranges::sort(keys);
        std::string all;
        for (auto& k : keys) all += k;
        return all;
    }
};

} // namespace kv::testing
