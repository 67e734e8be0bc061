#include "testing.hpp"

#include <map>
#include <random>

namespace kv {
namespace {

using testing::client;
using testing::region;
using testing::world;

constexpr const char* no_memory = "-OOM command not allowed when used memory > 'maxmemory'.|";

std::string logged(world& w) {
    std::string all{w.kv.log.view()}, result;
    w.kv.log.clear();
    request_parser parser{w.buffers, w.kv.limit.request};
    for (std::size_t at = 0; at < all.size(); at += parser.consumed()) {
        EXPECT_EQ(parser.parse(all.data() + at, all.size() - at), request_parser::status::complete);
        for (text a : parser.args()) result += std::string{a} + " ";
        result.back() = ';';
    }
    return result;
}

TEST(commands, every_one_is_found) {
    for (const command& c : all_commands()) {
        text name = c.full_name(), sub;
        if (std::size_t bar = name.find('|'); bar != text::npos) {
            sub = slice(name, bar + 1);
            name = slice(name, 0, bar);
        }
        std::string upper{name};
        for (char& ch : upper) ch = static_cast<char>(toupper(ch));
        EXPECT_EQ(find_command(name, sub), &c) << c.full_name();
        EXPECT_EQ(find_command(upper, sub), &c) << c.full_name();
    }
    EXPECT_FALSE(find_command(""));
    EXPECT_FALSE(find_command("client|id"));
    EXPECT_FALSE(find_command("client", "i"));
    EXPECT_FALSE(find_command("ge"));
    EXPECT_FALSE(find_command(std::string(100, 'x')));
    EXPECT_FALSE(find_command("a\x80\xff"));
}

TEST(engine, logs_effects_that_can_be_repeated) {
    world w;
    w.kv.log_wanted = true;
    w("SET a 1 EX 10");
    EXPECT_EQ(logged(w), "SET a 1 PXAT 1010000;");
    w("EXPIRE a 20");
    EXPECT_EQ(logged(w), "PEXPIREAT a 1020000;");
    w("GETEX a PX 5");
    EXPECT_EQ(logged(w), "PEXPIREAT a 1000005;");
    w("SETEX b 1 x");
    EXPECT_EQ(logged(w), "SET b x PXAT 1001000;");
    w("GET a");
    w("SETNX a 1");
    w("DEL nothing");
    w("LPUSHX nothing 1");
    EXPECT_EQ(logged(w), "");
    w.kv.db.now += 10;
    w("GET a");
    EXPECT_EQ(logged(w), "DEL a;");
    w("INCRBYFLOAT f 0.1");
    EXPECT_EQ(logged(w), "SET f 0.1 KEEPTTL;");
    w("SADD s x");
    logged(w);
    w("SPOP s");
    EXPECT_EQ(logged(w), "DEL s;");
    w("EXPIRE f -1");
    EXPECT_EQ(logged(w), "DEL f;");
    w("MULTI");
    w("SET t 1");
    w("INCR t");
    w("GET t");
    EXPECT_EQ(logged(w), "");
    w("EXEC");
    EXPECT_EQ(logged(w), "SET t 1;INCR t;");
}

TEST(engine, keys_expire_when_looked_at_and_also_when_not) {
    world w;
    w.kv.log_wanted = true;
    for (int i = 0; i < 1000; ++i)
        w("SET k" + std::to_string(i) + " v PX " + std::to_string(i < 500 ? 10 : 100000));
    w("RPUSH l a");
    w("PEXPIRE l 10");
    EXPECT_EQ(w("PTTL k1"), ":10|");
    w.kv.db.now += 9;
    EXPECT_EQ(w("GET k1"), "$1|v|");
    w.kv.db.now += 1;
    EXPECT_EQ(w("GET k1"), "$-1|");
    EXPECT_EQ(w("EXISTS l"), ":0|");
    EXPECT_EQ(w("KEYS k2"), "*0|");
    EXPECT_EQ(w("DBSIZE"), ":999|");
    std::uint32_t found = 0;
    for (int i = 0; i < 120; ++i) found += w.kv.db.expire_some(20);
    EXPECT_EQ(found, 499u);
    EXPECT_EQ(w("DBSIZE"), ":500|");
    EXPECT_EQ(w.kv.db.timed_count(), 500u);
    EXPECT_EQ(w.kv.db.expired_count, 501u);
    EXPECT_NE(logged(w).find("DEL k77;"), std::string::npos);
}

TEST(engine, waiters_are_served_in_turn) {
    world w;
    w.kv.log_wanted = true;
    auto a = w.connect(), b = w.connect(), c = w.connect();
    (*a)("BLPOP x y 0");
    EXPECT_EQ(a->result, outcome::blocked);
    EXPECT_EQ(a->waiting_until, 0);
    (*b)("BRPOP y 1.5");
    EXPECT_EQ(b->waiting_until, w.kv.db.now + 1500);
    (*c)("BLPOP y y 0.0001");
    EXPECT_EQ(c->waiting_until, w.kv.db.now + 1);
    EXPECT_EQ(w("RPUSH y 1 2 3"), ":3|"); // the length before they are served
    EXPECT_EQ(a->received(), "*2|$1|y|$1|1|");
    EXPECT_EQ(b->received(), "*2|$1|y|$1|3|");
    EXPECT_EQ(c->received(), "*2|$1|y|$1|2|");
    EXPECT_FALSE(a->blocked() || b->blocked() || c->blocked());
    EXPECT_EQ(a->woken, 1);
    EXPECT_EQ(w("EXISTS y"), ":0|");
    EXPECT_EQ(logged(w), "RPUSH y 1 2 3;LPOP y;RPOP y;LPOP y;");
    EXPECT_TRUE(w.kv.waiting.empty());

    // A transaction is not interrupted: they are served when it is over.
    (*a)("BLPOP z 0");
    w("MULTI");
    w("RPUSH z 1");
    w("LPOP z");
    EXPECT_EQ(w("EXEC"), "*2|:1|$1|1|");
    EXPECT_TRUE(a->blocked());
    w("MULTI");
    w("SADD z 1");
    w("DEL z");
    w("RPUSH z 2");
    w("BLPOP z 0");
    EXPECT_EQ(w("EXEC"), "*4|:1|:1|:1|*2|$1|z|$1|2|");
    EXPECT_TRUE(a->blocked());
    // A renamed list wakes too.
    w("RPUSH other 3");
    w("RENAME other z");
    EXPECT_EQ(a->received(), "*2|$1|z|$1|3|");

    // Who goes or gives up gets nothing.
    (*a)("BLPOP q 0");
    (*b)("BLPOP q 0");
    a.reset();
    w.kv.give_up_waiting(*b);
    EXPECT_EQ(b->received(), "*-1|");
    EXPECT_EQ(w("RPUSH q 1"), ":1|");
    EXPECT_EQ(w("LLEN q"), ":1|");
}

TEST(engine, a_waiter_that_is_killed_in_the_transaction_that_feeds_it) {
    world w;
    auto a = w.connect();
    (*a)("BLPOP q r 0");
    w("MULTI");
    w("RPUSH q 1");
    w("CLIENT KILL ID " + std::to_string(a->id));
    w("RPUSH r 1");
    EXPECT_EQ(w("EXEC"), "*3|:1|:1|:1|");
    EXPECT_TRUE(a->killed);
    EXPECT_EQ(w("LLEN q"), ":1|");
}

TEST(engine, watch_notices_every_kind_of_change) {
    for (std::string change : {"SET k 2", "DEL k", "EXPIRE k 100", "RENAME other k", "RENAME k other",
                               "FLUSHALL", "APPEND k x", "GETEX k EX 10", "SINTERSTORE k s", "MSET k 1"}) {
        world w;
        auto other = w.connect();
        w("MSET k 1 other 1");
        w("SADD s 1");
        w("WATCH k");
        (*other)(change);
        w("MULTI");
        w("GET k");
        EXPECT_EQ(w("EXEC"), "*-1|") << change;
        EXPECT_TRUE(w.kv.watched.empty());
    }
    world w;
    w("SET k 1 PX 10");
    w("WATCH k");
    w.kv.db.now += 20;
    w("MULTI");
    EXPECT_EQ(w("EXEC"), "*-1|");
    w("SET k 1");
    w("WATCH k");
    w("GET k");
    w("MULTI");
    EXPECT_EQ(w("EXEC"), "*0|");
}

TEST(engine, messages_reach_subscribers) {
    world w;
    auto a = w.connect(), b = w.connect();
    EXPECT_EQ((*a)("SUBSCRIBE x y"), "*3|$9|subscribe|$1|x|:1|*3|$9|subscribe|$1|y|:2|");
    (*b)("HELLO 3");
    EXPECT_EQ((*b)("PSUBSCRIBE x*"), ">3|$10|psubscribe|$2|x*|:1|");
    EXPECT_EQ(w("PUBLISH x hi"), ":2|");
    EXPECT_EQ(a->received(), "*3|$7|message|$1|x|$2|hi|");
    EXPECT_EQ(b->received(), ">4|$8|pmessage|$2|x*|$1|x|$2|hi|");
    EXPECT_EQ(a->woken, 1);
    EXPECT_EQ((*b)("GET k"), "_|"); // a subscriber may go on in RESP3
    EXPECT_EQ((*a)("GET k").substr(0, 24), "-ERR Can't execute 'get'");
    EXPECT_EQ((*a)("UNSUBSCRIBE"), "*3|$11|unsubscribe|$1|y|:1|*3|$11|unsubscribe|$1|x|:0|");
    EXPECT_EQ((*a)("GET k"), "$-1|");
    b.reset();
    EXPECT_EQ(w("PUBLISH x hi"), ":0|");
    EXPECT_TRUE(w.kv.channels.empty() && w.kv.patterns.empty());
}

TEST(engine, a_subscriber_that_does_not_read_is_found_out) {
    world w;
    w.kv.limit.subscriber_output = 1000;
    auto a = w.connect();
    (*a)("SUBSCRIBE x");
    for (int i = 0; i < 10; ++i) w("PUBLISH x " + std::string(200, 'm'));
    EXPECT_TRUE(a->out.failed());
    EXPECT_LE(a->out.size(), 1000u);
    EXPECT_EQ(w("PING"), "+PONG|");
}

TEST(engine, limits_say_so) {
    world w;
    w.kv.limit.queued_commands = 2;
    w.kv.limit.watched_keys = 2;
    w.kv.limit.subscriptions = 1;
    w.kv.limit.request.bulk = 10;
    w("MULTI");
    w("PING");
    w("PING");
    EXPECT_EQ(w("PING"), "-ERR Transaction is too large, see the limits on queued commands|");
    EXPECT_EQ(w("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
    EXPECT_EQ(w("WATCH a b c"), "-ERR too many watched keys, see the limit on watched keys of a client|");
    auto a = w.connect();
    EXPECT_EQ((*a)("SUBSCRIBE a b"), "*3|$9|subscribe|$1|a|:1|-ERR too many subscriptions, see the limit on "
                                     "subscriptions of a client|");
    w("SET a 12345678");
    EXPECT_EQ(w("APPEND a 90x"), "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|");
    EXPECT_EQ(w("SETRANGE a 10 x"), "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|");
    EXPECT_EQ(w("CONFIG SET proto-max-bulk-len 1kb"), "+OK|");
    EXPECT_EQ(w("APPEND a 90x"), ":11|");
}

TEST(engine, replies_can_be_turned_off) {
    world w;
    EXPECT_EQ(w("CLIENT REPLY SKIP"), "");
    EXPECT_EQ(w("SET a 1"), "");
    EXPECT_EQ(w("GET a"), "$1|1|");
    EXPECT_EQ(w("CLIENT REPLY OFF"), "");
    EXPECT_EQ(w("GET a"), "");
    EXPECT_EQ(w("nonsense"), "");
    EXPECT_EQ(w("CLIENT REPLY ON"), "+OK|");
}

TEST(engine, a_log_that_can_not_be_written_stops_writes) {
    world w;
    w.kv.log_wanted = true;
    w.kv.server.log_writable = false;
    w.kv.server.log_error = "No space left on device";
    EXPECT_EQ(w("SET a 1"), "-MISCONF Errors writing to the AOF file: No space left on device|");
    EXPECT_EQ(w("GET a"), "$-1|");
    w.kv.server.log_writable = true;
    // Nobody takes the records away: at some time there are too many.
    std::string reply;
    for (int i = 0; i < 100 && reply != no_memory; ++i)
        reply = w("SET k" + std::to_string(i) + " " + std::string(60000, 'x'));
    EXPECT_EQ(reply, no_memory);
    EXPECT_FALSE(w.kv.log.failed());
    w.kv.log.clear();
    EXPECT_EQ(w("SET a 1"), "+OK|");
}

TEST(engine, survives_a_burst_of_large_values_being_removed) {
    world w{4 << 20};
    for (int i = 0; i < 5; ++i) {
        for (int k = 0; k < 3; ++k) {
            std::string key = " " + std::to_string(k);
            for (int j = 0; j < 40; ++j) {
                std::string members;
                for (int m = 0; m < 100; ++m) members += " " + std::to_string(j * 100 + m);
                ASSERT_EQ(w("SADD" + key + members), ":100|");
            }
        }
        EXPECT_EQ(w("UNLINK 0 1 2"), ":3|");
        EXPECT_GT(w.data->used(), 100000u); // not yet
    }
    while (w.kv.db.bury_some(100)) {}
    EXPECT_LT(w.data->used(), 1000u);
}

// Commands that may need memory, each met with every amount of memory that is too small for it: they say so and
// change nothing.
TEST(engine, out_of_memory_changes_nothing) {
    const char* commands[] = {
        "SET new value-that-is-long-enough-to-need-a-block",
        "SET str value-that-is-long-enough-to-need-a-block-of-its-own-and-not-the-old-one",
        "SET str x PX 1000",
        "SET str value-that-is-long-enough-to-need-a-block-of-its-own-and-not-the-old-one GET",
        "SET list x",
        "SETNX new x",
        "GETSET str value-that-is-long-enough-to-need-a-block-of-its-own-and-not-the-old-one",
        "GETEX str PX 1000",
        "MSET n1 1 n2 2 str 3 n3 4",
        "MSETNX n1 1 n2 2 n3 3 n4 4",
        "APPEND str this-is-appended-this-is-appended-this-is-appended",
        "APPEND new this-is-appended",
        "SETRANGE str 200 x",
        "SETRANGE new 200 x",
        "INCR new",
        "INCRBYFLOAT new 1.5",
        "EXPIRE str 100",
        "EXPIRE list 100",
        "RENAME str another",
        "RENAME list another",
        "HSET hash a 1 b 2 c 3 d 4",
        "HSET new a 1 b 2 c 3 d 4 e 5",
        "HSETNX hash new 1",
        "HINCRBY new n 1",
        "HINCRBYFLOAT hash n 1.5",
        "RPUSH list a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "LPUSH list a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "RPUSH new a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "LSET list 1 a-value-that-is-a-good-deal-longer-than-what-there-was-and-so-on-and-on",
        "LINSERT list BEFORE two a-value-that-is-a-good-deal-longer-than-what-there-was-and-so-on-and-on",
        "RPOPLPUSH list new",
        "LMOVE list list LEFT RIGHT",
        "LMOVE list list2 LEFT RIGHT",
        "SADD set a b c d e f",
        "SADD new a b c d e f",
        "SMOVE set set2 two",
        "SMOVE set new two",
        "SUNIONSTORE new set set2",
        "SUNIONSTORE set set set2",
        "SDIFFSTORE str set set2",
    };
    for (std::string line : commands) {
        bool succeeded = false;
        int failures = 0;
        for (std::size_t left = 0; left < 2000 && !succeeded; left += 8) {
            world w{1 << 14};
            w.kv.log_wanted = true;
            w("MSET str old other 1");
            w("RPUSH list one-that-is-somewhat-long two three");
            w("RPUSH list2 one-that-fills-what-a-first-chunk-has-room-for-or-nearly");
            w("SADD set one two three");
            w("SADD set2 two x y");
            w("HSET hash one 1 two 2");
            logged(w);
            auto before = w.state();
            std::size_t used = w.data->used();
            // All memory taken, but for one block of a certain size.
            std::vector<void*> fillers;
            void* hole = w.data->allocate(left);
            for (std::size_t size = 1 << 14; size; size = size > 8 ? size / 2 : size == 8 ? 1 : 0)
                while (void* p = w.data->allocate(size)) fillers.push_back(p);
            w.data->deallocate(hole);
            std::string reply = w(line);
            succeeded = reply[0] != '-';
            if (!succeeded) {
                ++failures;
                ASSERT_EQ(reply, no_memory) << line;
                ASSERT_EQ(w.state(), before) << line << " with " << left;
                ASSERT_EQ(logged(w), "") << line;
            } else {
                ASSERT_NE(logged(w), "") << line;
            }
            for (void* p : fillers) w.data->deallocate(p);
            if (!succeeded) {
                ASSERT_EQ(w.data->used(), used) << line << " with " << left;
            }
            ASSERT_EQ(w("FLUSHALL"), "+OK|");
            ASSERT_EQ(w.data->used(), 0u) << line << " with " << left;
        }
        EXPECT_TRUE(succeeded) << line;
        EXPECT_GT(failures, 0) << line;
    }
}

// The same for the memory of clients: a reply or a subscription that can't be had is an error, or the end of the
// session, but nothing leaks and nobody else notices.
TEST(engine, out_of_client_memory) {
    const char* commands[] = {"GET long",
                              "LRANGE list 0 -1",
                              "SUBSCRIBE a b c",
                              "PSUBSCRIBE a* b*",
                              "WATCH a b c",
                              "BLPOP a b c 0",
                              "CLIENT SETNAME some-name-or-other",
                              "CLIENT LIST",
                              "INFO",
                              "COMMAND",
                              "CONFIG GET *"};
    for (std::string line : commands) {
        for (std::size_t left = 0; left < 1200; left += 8) {
            world w{1 << 16, 1 << 15};
            w("SET long " + std::string(500, 'x'));
            w("RPUSH list a b c d e f g h i j");
            {
                auto early = w.connect(); // an empty table keeps its first buckets
                for (text warm : {"WATCH a", "BLPOP a 0", "PSUBSCRIBE a", "SUBSCRIBE a"})
                    (*early)(std::string{warm});
            }
            std::size_t used = w.buffers->used();
            std::vector<void*> fillers;
            auto late = w.connect();
            void* hole = w.buffers->allocate(left);
            for (std::size_t size = 1 << 15; size; size = size > 8 ? size / 2 : size == 8 ? 1 : 0)
                while (void* p = w.buffers->allocate(size)) fillers.push_back(p);
            w.buffers->deallocate(hole);
            (*late)(line);
            late.reset();
            for (void* p : fillers) w.buffers->deallocate(p);
            ASSERT_EQ(w.buffers->used(), used) << line << " with " << left;
            ASSERT_EQ(w("PING"), "+PONG|");
        }
    }
}

TEST(engine, scan_returns_all_that_stays) {
    world w{8 << 20};
    for (int i = 0; i < 3000; ++i) {
        w("SET stay" + std::to_string(i) + " v");
        w("HSET h f" + std::to_string(i) + " " + std::to_string(i));
        w("SADD s m" + std::to_string(i));
    }
    for (std::string what : {"SCAN", "HSCAN h", "SSCAN s"}) {
        std::string cursor = "0", all;
        int calls = 0;
        do {
            std::string reply = w(what + " " + cursor + " COUNT 50 MATCH *7*");
            std::size_t at = reply.find('|', reply.find('|') + 1) + 1;
            cursor = reply.substr(at, reply.find('|', at) - at);
            all += reply.substr(at);
            w("SET new" + std::to_string(calls) + " v");
            w("SADD s new" + std::to_string(calls));
            w("HSET h new" + std::to_string(calls) + " v");
            ASSERT_LT(++calls, 1000);
        } while (cursor != "0");
        EXPECT_GT(calls, 30);
        for (int i = 7; i < 3000; i += 10) {
            std::string name = (what == "SCAN" ? "stay" : what == "SSCAN s" ? "m" : "f") + std::to_string(i);
            ASSERT_NE(all.find("|" + name + "|"), std::string::npos) << name;
        }
        EXPECT_EQ(all.find("|stay11|"), std::string::npos);
    }
    EXPECT_EQ(w("SCAN 0 COUNT 100000 TYPE set"), "*2|$1|0|*1|$1|s|");
}

TEST(engine, chance_is_even) {
    world w;
    w("SADD s a b c d e");
    std::map<std::string, int> hits;
    for (int i = 0; i < 5000; ++i) ++hits[w("SRANDMEMBER s 2")];
    EXPECT_EQ(hits.size(), 10u); // pairs, in the table's order
    for (auto& [pair, n] : hits) EXPECT_NEAR(n, 500, 120) << pair;
    EXPECT_EQ(w("SRANDMEMBER s -20").substr(0, 4), "*20|");
    std::string popped = w("SPOP s 3");
    EXPECT_EQ(popped.substr(0, 3), "*3|");
    EXPECT_EQ(w("SCARD s"), ":2|");
}

} // namespace
} // namespace kv
