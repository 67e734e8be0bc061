// The C client that most languages' clients are built on or modelled after, against weft-kv.
//
//     hiredis_test <port>
#include <hiredis/hiredis.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace {

int port;

struct closing {
    void operator()(redisContext* c) const { redisFree(c); }
    void operator()(redisReply* r) const { freeReplyObject(r); }
};
using context = std::unique_ptr<redisContext, closing>;
using reply = std::unique_ptr<redisReply, closing>;

struct hiredis : testing::Test {
    context c{redisConnect("127.0.0.1", port)};

    void SetUp() override {
        ASSERT_TRUE(c && !c->err) << c->errstr;
        send("FLUSHALL");
    }
    template <class... Args> reply send(const char* format, Args... args) {
        return reply(static_cast<redisReply*>(redisCommand(c.get(), format, args...)));
    }
    reply next() {
        void* r = nullptr;
        EXPECT_EQ(redisGetReply(c.get(), &r), REDIS_OK) << c->errstr;
        return reply(static_cast<redisReply*>(r));
    }
};

TEST_F(hiredis, Types) {
    EXPECT_EQ(send("SET k v")->type, REDIS_REPLY_STATUS);
    EXPECT_EQ(send("GET nokey")->type, REDIS_REPLY_NIL);
    EXPECT_EQ(send("INCR n")->integer, 1);
    EXPECT_EQ(send("NOSUCH")->type, REDIS_REPLY_ERROR);
    reply hash = (send("HSET h a 1 b 2"), send("HGETALL h"));
    ASSERT_EQ(hash->type, REDIS_REPLY_ARRAY);
    EXPECT_EQ(hash->elements, 4u);
}

TEST_F(hiredis, BinaryValues) {
    std::string value("a\0b\r\n\xff", 6);
    EXPECT_EQ(send("SET %b %b", "k", std::size_t{1}, value.data(), value.size())->type, REDIS_REPLY_STATUS);
    reply r = send("GET k");
    EXPECT_EQ(std::string(r->str, r->len), value);
}

TEST_F(hiredis, Pipeline) {
    constexpr int count = 10000;
    for (int i = 0; i < count; ++i) redisAppendCommand(c.get(), "INCR n");
    for (int i = 1; i <= count; ++i) ASSERT_EQ(next()->integer, i);
}

TEST_F(hiredis, LargeValue) {
    std::string value(20 << 20, 'x');
    EXPECT_EQ(send("SET k %b", value.data(), value.size())->type, REDIS_REPLY_STATUS);
    EXPECT_EQ(send("GET k")->len, value.size());
}

TEST_F(hiredis, Transaction) {
    send("MULTI");
    EXPECT_STREQ(send("INCR n")->str, "QUEUED");
    EXPECT_STREQ(send("LPUSH l a")->str, "QUEUED");
    reply r = send("EXEC");
    ASSERT_EQ(r->elements, 2u);
    EXPECT_EQ(r->element[0]->integer, 1);
}

TEST_F(hiredis, Subscription) {
    EXPECT_STREQ(send("SUBSCRIBE news")->element[0]->str, "subscribe");
    context other(redisConnect("127.0.0.1", port));
    reply heard(static_cast<redisReply*>(redisCommand(other.get(), "PUBLISH news hello")));
    EXPECT_EQ(heard->integer, 1);
    EXPECT_STREQ(next()->element[2]->str, "hello");
}

TEST_F(hiredis, BlockingPop) {
    reply r = send("BLPOP q 0.05");
    EXPECT_EQ(r->type, REDIS_REPLY_NIL);
    redisAppendCommand(c.get(), "BLPOP q 0");
    int done = 0;
    while (!done) ASSERT_EQ(redisBufferWrite(c.get(), &done), REDIS_OK);
    context other(redisConnect("127.0.0.1", port));
    reply pushed(static_cast<redisReply*>(redisCommand(other.get(), "RPUSH q x")));
    EXPECT_STREQ(next()->element[1]->str, "x");
}

} // namespace

int main(int count, char** words) {
    testing::InitGoogleTest(&count, words);
    if (count != 2) return 2;
    port = std::atoi(words[1]);
    return RUN_ALL_TESTS();
}
