#include <algorithm>
#include <string_view>

#include <weft/core/scope.hpp>

#include <drivers/hal.hpp>
#include <drivers/serial.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using weft::errc;
using weft::result;
using weft::task;

// A UART whose line the test holds in its hand: what came in, what went out, and how much it has room for.
struct line {
    static constexpr unsigned fifo = 4;

    std::byte in[fifo];
    unsigned in_count = 0;
    bool overrun = false;
    std::byte out[256];
    unsigned out_count = 0;
    unsigned room = fifo;
    bool listens = false;
    bool wants_room = false;
    int acknowledged = 0;

    // From outside: false, and it is lost, where the receiver has no room.
    bool arrive(std::byte c) {
        overrun |= in_count == fifo;
        if (in_count == fifo) return false;
        in[in_count++] = c;
        return true;
    }
};
class fake_uart {
  public:
    explicit fake_uart(line& l) noexcept : line_(&l) {}
    void acknowledge() noexcept { ++line_->acknowledged; }
    bool can_send() noexcept { return line_->room != 0; }
    void send(std::byte b) noexcept {
        line_->out[line_->out_count++] = b;
        --line_->room;
    }
    void want_room(bool on) noexcept { line_->wants_room = on; }
    bool can_receive() noexcept { return line_->in_count != 0; }
    std::byte receive() noexcept {
        std::byte first = line_->in[0];
        --line_->in_count;
        for (unsigned i = 0; i < line_->in_count; ++i) line_->in[i] = line_->in[i + 1];
        return first;
    }
    bool has_lost() noexcept { return std::exchange(line_->overrun, false); }
    void listen(bool on) noexcept { line_->listens = on; }
    bool is_idle() noexcept { return line_->room == line::fifo; }

  private:
    line* line_;
};
using port = weft::drivers::serial<fake_uart>;
static_assert(weft::hal::async_serial<port>);

// The UART interrupts when it is let to and has a reason.
void interrupt(line& l, port& p) {
    if ((l.listens && l.in_count != 0) || (l.wants_room && l.room != 0)) p.interrupt();
}
using octets = std::span<const std::byte>;
template <std::size_t N> octets bytes(const char (&text)[N]) { return std::as_bytes(std::span(text, N - 1)); }
bool same(octets a, octets b) { return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin()); }

void arrive(line& l, port& p, octets what) {
    for (std::byte c : what) {
        l.arrive(c);
        interrupt(l, p);
    }
}

WEFT_TEST(serial, a_read_takes_what_is_there_and_waits_for_what_is_not) {
    line l;
    std::byte memory[8];
    port p{fake_uart(l), memory};
    arrive(l, p, bytes("abc"));
    auto body = [&]() -> task<> {
        std::byte to[8];
        auto first = co_await p.read_some(to);
        bool right = first && same(std::span(to).first(*first), bytes("abc"));
        auto later = [&](weft::scope& s) -> task<> {
            s.spawn([](line& l, port& p) -> task<> {
                co_await weft::yield();
                arrive(l, p, bytes("d"));
            }(l, p));
            auto second = co_await p.read_some(to);
            right = right && second && same(std::span(to).first(*second), bytes("d"));
        };
        (void)co_await weft::with_scope(later);
        auto none = co_await p.read_some(std::span<std::byte>());
        WEFT_REQUIRE_IN_TASK(right);
        WEFT_REQUIRE_IN_TASK(none);
        WEFT_CHECK_EQ(*none, 0);
    };
    weft::testing::run(body());
    WEFT_CHECK_EQ(l.acknowledged, 4);
}

WEFT_TEST(serial, a_full_memory_holds_the_uart_up_and_loses_nothing_that_it_has_room_for) {
    line l;
    std::byte memory[3];
    port p{fake_uart(l), memory};
    arrive(l, p, bytes("0123456")); // three here, four in the UART
    WEFT_CHECK(!l.listens);
    auto body = [&]() -> task<> {
        std::byte to[2];
        std::byte all[7];
        std::size_t count = 0;
        while (count < 7) {
            auto n = co_await p.read_some(to);
            WEFT_REQUIRE_IN_TASK(n);
            for (std::size_t i = 0; i < *n; ++i) all[count++] = to[i];
        }
        WEFT_CHECK(same(all, bytes("0123456")));
    };
    weft::testing::run(body());
    WEFT_CHECK(l.listens);
    WEFT_CHECK_EQ(p.times_lost(), 0u);
}

WEFT_TEST(serial, lost_bytes_are_reported_where_they_are_missing) {
    line l;
    std::byte memory[2];
    port p{fake_uart(l), memory};
    arrive(l, p, bytes("01234567")); // two here, four in the UART, and two that are lost
    auto body = [&]() -> task<> {
        std::byte to[4];
        octets expected = bytes("012345");
        while (!expected.empty()) {
            auto n = co_await p.read_some(to);
            WEFT_REQUIRE_IN_TASK(n);
            WEFT_REQUIRE_IN_TASK(!(!same(std::span(to).first(*n), expected.first(*n))));
            expected = expected.subspan(*n);
        }
        auto gap = co_await p.read_some(to);
        arrive(l, p, bytes("8"));
        auto after = co_await p.read_some(to);
        WEFT_REQUIRE_IN_TASK(!gap);
        WEFT_CHECK_EQ(gap.error(), errc::lagged);
        WEFT_REQUIRE_IN_TASK(after);
        WEFT_CHECK_EQ(*after, 1);
    };
    weft::testing::run(body());
    WEFT_CHECK_EQ(p.times_lost(), 1u);
}

WEFT_TEST(serial, a_write_goes_on_as_the_uart_has_room_and_writers_do_not_mix) {
    line l;
    std::byte memory[1];
    port p{fake_uart(l), memory};
    int came = 0;
    auto body = [&](weft::scope& s) -> task<> {
        auto write = [](port& p, octets what, int& came) -> task<result<void>> {
            ++came;
            auto n = co_await p.write_all(what);
            if (!n || *n != what.size()) co_return weft::failure(errc::io_error);
            co_return {};
        };
        s.spawn(write(p, bytes("hello, "), came));
        co_await weft::testing::until([&] { return came == 1; });
        s.spawn(write(p, bytes("world"), came));
        co_await weft::testing::until([&] { return came == 2; });
        while (l.wants_room) {
            l.room = 3;
            interrupt(l, p);
        }
    };
    auto whole = [&]() -> task<> {
        auto done = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(done.has_value());
    };
    weft::testing::run(whole());
    WEFT_CHECK(same(std::span(l.out).first(l.out_count), bytes("hello, world")));
    WEFT_CHECK(!l.wants_room);
}

WEFT_TEST(serial, a_stopped_write_says_how_much_has_gone_and_the_next_one_goes_on) {
    line l;
    std::byte memory[1];
    port p{fake_uart(l), memory};
    auto body = [&]() -> task<> {
        auto sending = p.write_all(bytes("0123456789"));
        auto ended = co_await weft::when_any(sending, weft::yield());
        WEFT_CHECK_EQ(ended.first, 1);
        WEFT_CHECK_EQ(sending.written(), line::fifo);
        l.room = line::fifo;
        auto next = co_await p.write_all(bytes("ab"));
        WEFT_REQUIRE_IN_TASK(next);
        WEFT_CHECK_EQ(*next, 2);
    };
    weft::testing::run(body());
    WEFT_CHECK(same(std::span(l.out).first(l.out_count), bytes("0123ab")));
}

WEFT_TEST(serial, a_stopped_read_has_taken_nothing) {
    line l;
    std::byte memory[4];
    port p{fake_uart(l), memory};
    auto body = [&]() -> task<> {
        std::byte to[4];
        auto reading = p.read_some(to);
        auto ended = co_await weft::when_any(reading, weft::yield());
        arrive(l, p, bytes("x"));
        auto after = co_await p.read_some(to);
        WEFT_CHECK_EQ(ended.first, 1);
        WEFT_REQUIRE_IN_TASK(after);
        WEFT_CHECK_EQ(*after, 1);
        WEFT_CHECK_EQ(to[0], std::byte{'x'});
    };
    weft::testing::run(body());
}

WEFT_TEST(serial, flush_returns_when_the_last_byte_has_left) {
    line l;
    std::byte memory[1];
    port p{fake_uart(l), memory};
    auto body = [&](weft::scope& s) -> task<result<void>> {
        auto written = co_await p.write_all(bytes("ab"));
        if (!written) co_return weft::failure(written.error());
        s.spawn([](line& l) -> task<> {
            (void)co_await weft::sleep_for(std::chrono::milliseconds(5));
            l.room = line::fifo;
        }(l));
        auto before = weft::clock::now();
        auto flushed = co_await p.flush();
        if (weft::clock::now() - before < std::chrono::milliseconds(5)) co_return weft::failure(errc::busy);
        co_return flushed;
    };
    auto whole = [&]() -> task<> {
        auto done = co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(done.has_value());
    };
    weft::testing::run(whole());
}

} // namespace
