#include "testing.hpp"

#include <random>

namespace kv {
namespace {

using testing::client;
using testing::region;
using testing::world;

std::string random_write(std::mt19937& random) {
    auto number = [&](unsigned below) { return std::to_string(random() % below); };
    std::string key = "k" + number(60), other = "k" + number(60);
    std::string many;
    for (unsigned n = random() % 40; n; --n) many += " m" + number(400);
    many += " last";
    switch (random() % 19) {
    case 0: return "SET " + key + " " + std::string(random() % 500, 'v');
    case 1: return "SET " + key + " x PX " + std::to_string(1 + random() % 100000);
    case 2: return "APPEND " + key + " yz";
    case 3: return "INCR n" + number(5);
    case 4: return "DEL " + key + " " + other;
    case 5:
    case 6: return "RPUSH l" + key + many;
    case 7: return "LPUSH l" + key + many;
    case 8: return "LPOP l" + key + " " + number(10);
    case 9: return "LMOVE l" + key + " l" + other + " LEFT RIGHT";
    case 10:
    case 11: return "SADD s" + key + many;
    case 12: return "SREM s" + key + many;
    case 13: return "SPOP s" + key + " " + number(20);
    case 14: return "SUNIONSTORE s" + key + " s" + other + " s" + key;
    case 15: return "HSET h" + key + " f" + number(300) + " " + number(1000) + " g" + number(300) + " v";
    case 16: return "HINCRBYFLOAT h" + key + " x 0.25";
    case 17: return "RENAME l" + key + " l" + other;
    default: return "EXPIRE s" + key + " " + std::to_string(1 + random() % 1000);
    }
}

// The snapshot, taken in small steps while commands run, and then the commands since its begin: the same state.
TEST(snapshot, with_the_log_since_its_begin_is_the_state) {
    for (unsigned seed = 0; seed < 12; ++seed) {
        std::mt19937 random{seed};
        world w{8 << 20};
        w.kv.log_wanted = true;
        auto write = [&] {
            w.kv.db.now += random() % 50;
            w(random_write(random));
            w.kv.db.expire_some(20);
        };
        for (int i = 0; i < 1500; ++i) {
            write();
            w.kv.log.clear();
        }
        for (int round = 0; round < 3; ++round) {
            std::string at_begin = w.state(), written, commands;
            byte_buffer sink{w.buffers};
            snapshot s{w.kv, sink};
            s.begin();
            for (;;) {
                auto status = s.step(random() % 4);
                written += sink.view();
                sink.clear();
                if (status == snapshot::status::done) break;
                ASSERT_EQ(status, snapshot::status::working);
                for (unsigned n = random() % 3; n; --n) write();
                commands += w.kv.log.view();
                w.kv.log.clear();
                written += sink.view();
                sink.clear();
            }
            world copy{8 << 20};
            copy.kv.db.now = w.kv.db.now;
            testing::replay(copy.kv, copy.buffers, written);
            ASSERT_EQ(copy.state(), at_begin) << "seed " << seed;
            testing::replay(copy.kv, copy.buffers, commands);
            ASSERT_EQ(copy.state(), w.state()) << "seed " << seed;
        }
    }
}

TEST(snapshot, an_abandoned_one_does_not_disturb_the_next) {
    world w;
    for (int i = 0; i < 500; ++i) w("SET k" + std::to_string(i) + " v");
    byte_buffer sink{w.buffers};
    {
        snapshot s{w.kv, sink};
        s.begin();
        s.step(20);
    }
    w("SET k1 other");
    sink.clear();
    snapshot s{w.kv, sink};
    s.begin();
    std::string written;
    while (s.step(10) == snapshot::status::working) {}
    EXPECT_EQ(s.keys_written(), 500u);
    world copy;
    testing::replay(copy.kv, copy.buffers, std::string{sink.view()});
    EXPECT_EQ(copy.state(), w.state());
}

TEST(snapshot, flushall_makes_it_stale) {
    world w;
    for (int i = 0; i < 500; ++i) w("RPUSH l" + std::to_string(i % 2) + " v");
    byte_buffer sink{w.buffers};
    snapshot s{w.kv, sink};
    s.begin();
    s.step(1);
    w("FLUSHALL");
    w("SET a 1");
    EXPECT_EQ(s.step(1), snapshot::status::stale);
    sink.clear();
    s.begin();
    EXPECT_EQ(s.step(10), snapshot::status::done);
    EXPECT_EQ(sink.view(), "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");
}

TEST(snapshot, a_full_sink_fails_it_and_nothing_else) {
    world w;
    for (int i = 0; i < 100; ++i) w("SET k" + std::to_string(i) + " v");
    byte_buffer sink{w.buffers, 1000};
    snapshot s{w.kv, sink};
    s.begin();
    while (s.step(1) == snapshot::status::working) {}
    EXPECT_EQ(s.step(1), snapshot::status::failed);
    EXPECT_EQ(w("SET k1 other"), "+OK|");
    s.end();
    EXPECT_EQ(w("GET k1"), "$5|other|");
}

} // namespace
} // namespace kv
