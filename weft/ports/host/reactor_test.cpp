// A reactor over a poller that tells what kqueue(2) does: a side an event, and how many bytes there are.
#include <weft/ports/host/reactor.hpp>

#include <array>
#include <vector>

#include <sys/socket.h>

#include <gtest/gtest.h>

#include <weft/core/machine/root.hpp>
#include <weft/core/task.hpp>
#include <weft/core/when_all.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/unix.hpp>
#include <weft/ports/host/worker.hpp>

namespace weft {
namespace {

// Tells what the test says it shall.
class told_by_hand final : public reactor_over<told_by_hand> {
  public:
    told_by_hand() noexcept : reactor_over(nullptr) {}
    ~told_by_hand() override { await_pool(); }

    const char* name() const noexcept override { return "by hand"; }
    void ring() noexcept override {}

    struct event {
        io_place* place;
        io_event told;
    };
    std::span<const event> wait(std::int64_t) noexcept {
        now_.assign(to_tell.begin(), to_tell.end());
        to_tell.clear();
        return now_;
    }
    static io_place& place_of(const event& e) noexcept { return *e.place; }
    static bool is_input(const event&) noexcept { return false; } // so that told_by() is asked
    static bool is_input_and_room(const event&) noexcept { return false; }
    static io_event told_by(const event& e) noexcept { return e.told; }
    static long receive(int fd, void* to, std::size_t n) noexcept { return ::recv(fd, to, n, MSG_DONTWAIT); }

    struct interest {
        io_place* place;
        bool output;
    };
    std::vector<interest> watched;
    std::vector<event> to_tell;

  private:
    std::int64_t watch(io_place& place, bool output) noexcept override {
        watched.push_back({&place, output});
        return 0;
    }

    std::vector<event> now_;
};

class reactors : public ::testing::Test {
  protected:
    reactors() {
        auto made = std::make_unique<told_by_hand>();
        poller = made.get();
        w.open(std::move(made));
    }
    ~reactors() override {
        w.close();
        w.drop_io();
    }
    // Until nothing is ready, and what was to be told is told.
    void turn() {
        do {
            while (w.turn()) {}
            w.io().poll(0);
        } while (w.has_ready() || !poller->to_tell.empty());
    }
    void tell(io_event what) { poller->to_tell.push_back({poller->watched.front().place, what}); }

    worker w;
    told_by_hand* poller;
};

io_event bytes(std::uint32_t count) {
    io_event e;
    e.readable = true;
    e.count = count;
    return e;
}

// A stream socket without records, one of a pair.
tcp_stream as_stream(unix_stream&& s) { return tcp_stream(descriptor(s.handle().release())); }

// Bytes that were not told of are not looked for: after as many as there were, nothing is left.
TEST_F(reactors, a_read_that_takes_what_was_told_of_leaves_nothing) {
    auto pair = unix_stream::pair();
    ASSERT_TRUE(pair);
    tcp_stream ours = as_stream(std::move(pair->first)), theirs = as_stream(std::move(pair->second));
    int reads = 0;
    auto body = [&]() -> task<> {
        std::array<std::byte, 4> buffer;
        for (int i = 0; i < 3; ++i) {
            auto n = co_await ours.read_some(buffer);
            EXPECT_TRUE(n && *n == 4);
            ++reads;
        }
    };
    root<void> r(body());
    r.start(w.level());
    turn();
    EXPECT_EQ(reads, 0);
    ASSERT_EQ(poller->watched.size(), 1u);
    EXPECT_FALSE(poller->watched[0].output);

    int fd = static_cast<int>(theirs.handle().native());
    ASSERT_EQ(::send(fd, "abcdefgh", 8, 0), 8);
    turn();
    EXPECT_EQ(reads, 0); // nobody has told
    tell(bytes(4));      // of what it saw then
    turn();
    EXPECT_EQ(reads, 1);
    tell(bytes(4));
    turn();
    EXPECT_EQ(reads, 2);
    ASSERT_EQ(::send(fd, "ijkl", 4, 0), 4);
    tell(bytes(0)); // how many is not told: looked for until there are no more
    turn();
    EXPECT_EQ(reads, 3);
    EXPECT_TRUE(r.finished());
    r.take();
}

// What is told of one side is nothing for the other; room is asked for when somebody first waits for it.
TEST_F(reactors, each_side_is_told_apart) {
    auto pair = unix_stream::pair();
    ASSERT_TRUE(pair);
    tcp_stream ours = as_stream(std::move(pair->first)), theirs = as_stream(std::move(pair->second));
    std::vector<std::byte> much(1 << 20);
    bool read = false, written = false;
    auto reads = [&]() -> task<> {
        std::array<std::byte, 1> byte;
        auto n = co_await ours.read_exact(byte);
        EXPECT_TRUE(n);
        read = true;
    };
    auto writes = [&]() -> task<> {
        auto n = co_await ours.write_all(much);
        EXPECT_TRUE(n);
        written = true;
    };
    auto body = [&]() -> task<> { (void)co_await when_all(reads(), writes()); };
    root<void> r(body());
    r.start(w.level());
    turn();
    ASSERT_EQ(poller->watched.size(), 2u);
    EXPECT_FALSE(poller->watched[0].output);
    EXPECT_TRUE(poller->watched[1].output);
    EXPECT_EQ(poller->watched[0].place, poller->watched[1].place);

    int fd = static_cast<int>(theirs.handle().native());
    ASSERT_EQ(::send(fd, "x", 1, 0), 1);
    std::vector<std::byte> sink(much.size());
    std::size_t got = 0;
    io_event room;
    room.writable = true;
    for (int i = 0; i < 1000 && got < much.size(); ++i) {
        long n = ::recv(fd, sink.data(), sink.size(), MSG_DONTWAIT);
        if (n > 0) got += static_cast<std::size_t>(n);
        tell(room);
        turn();
        EXPECT_FALSE(read);
    }
    EXPECT_EQ(got, much.size());
    EXPECT_TRUE(written);
    tell(bytes(1));
    turn();
    EXPECT_TRUE(read);
    EXPECT_TRUE(r.finished());
    r.take();
}

// After the end of the other side a short transfer says nothing, so that the end itself is found.
TEST_F(reactors, the_end_is_found_behind_the_last_bytes) {
    auto pair = unix_stream::pair();
    ASSERT_TRUE(pair);
    tcp_stream ours = as_stream(std::move(pair->first)), theirs = as_stream(std::move(pair->second));
    std::vector<std::size_t> got;
    auto body = [&]() -> task<> {
        std::array<std::byte, 16> buffer;
        for (;;) {
            auto n = co_await ours.read_some(buffer);
            EXPECT_TRUE(n);
            got.push_back(*n);
            if (*n == 0) co_return;
        }
    };
    root<void> r(body());
    r.start(w.level());
    turn();
    ASSERT_EQ(::send(static_cast<int>(theirs.handle().native()), "last", 4, 0), 4);
    theirs.close();
    io_event e = bytes(4);
    e.end = true;
    tell(e); // once, as an edge is
    turn();
    EXPECT_EQ(got, (std::vector<std::size_t>{4, 0}));
    EXPECT_TRUE(r.finished());
    r.take();
}

} // namespace
} // namespace weft
