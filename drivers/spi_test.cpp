#include <algorithm>
#include <array>

#include <drivers/hal.hpp>
#include <drivers/spi_device.hpp>
#include <drivers/spi_pl022.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using weft::errc;
using weft::result;
using weft::task;
using weft::drivers::spi_bus;
using weft::drivers::spi_device;
using weft::drivers::spi_pl022;
using weft::drivers::spi_settings;

static_assert(weft::hal::async_spi<spi_pl022>);

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Registers in plain memory. The receiver is always empty and the transmitter always has room, until the test says otherwise.
struct pl022_in_memory {
    alignas(8) volatile std::uint32_t words[10] = {};

    pl022_in_memory() { words[3] = 2; }
    std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(words); }
    std::uint32_t mask() const { return words[5]; }
    // The next interrupt finds as many bytes as there are to come, all of this value.
    void has_come(std::uint32_t byte) {
        words[2] = byte;
        words[3] = 2 | 4;
    }
    void is_empty() { words[3] = 2; }
};

WEFT_TEST(spi, settings_are_the_fastest_that_is_slow_enough) {
    constexpr std::uint32_t clock = 25'000'000;
    auto rate = [](spi_settings s) { return clock / (s.prescale * s.divide); };
    WEFT_CHECK_EQ(rate(spi_settings::at_most(UINT32_MAX, clock)), 12'500'000u);
    WEFT_CHECK_EQ(rate(spi_settings::at_most(1'000'000, clock)), 961'538u); // by 26
    WEFT_CHECK_EQ(rate(spi_settings::at_most(400, clock)), 400u);
    WEFT_CHECK_EQ(rate(spi_settings::at_most(1, clock)), 384u); // none is slower
    WEFT_CHECK_EQ(rate(spi_settings::at_most(0, clock)), 384u);
    pl022_in_memory registers;
    spi_settings s = spi_settings::at_most(1'000'000, clock);
    s.mode = 3;
    spi_pl022 spi(registers.base(), s);
    WEFT_CHECK_EQ(registers.words[4], 2u);
    WEFT_CHECK_EQ(registers.words[0], (12u << 8 | 0xc0 | 7));
    WEFT_CHECK_EQ(registers.words[1], 2u);
}

WEFT_TEST(spi, at_most_a_fifo_is_on_its_way) {
    pl022_in_memory registers;
    spi_pl022 spi(registers.base());
    bool right = true;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](pl022_in_memory& registers, spi_pl022& spi, bool& right) -> task<> {
            co_await weft::yield();
            right = right && registers.words[2] == 'h' && registers.mask() != 0; // eight are sent
            registers.has_come(0x55);
            spi.interrupt();
        }(registers, spi, right));
        std::array<std::byte, 20> to;
        auto done = co_await spi.transfer(to, bytes("abcdefghij"));
        // Where memory is the device, what was written last is read from then on.
        right = right && done && std::count(to.begin(), to.begin() + 8, std::byte{0x55}) == 8 &&
                std::count(to.begin() + 8, to.end(), std::byte{0}) == 12;
        right = right && registers.mask() == 0;
        auto nothing = co_await spi.write({});
        right = right && nothing;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

WEFT_TEST(spi, a_long_transfer_lets_others_in_between) {
    pl022_in_memory registers;
    spi_pl022 spi(registers.base());
    registers.has_come(1);
    int turns = 0; // that others had while it was under way
    bool over = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](pl022_in_memory& registers, spi_pl022& spi, int& turns, const bool& over) -> task<> {
            while (!over) {
                co_await weft::yield();
                turns += registers.mask() != 0;
                spi.interrupt();
            }
        }(registers, spi, turns, over));
        std::array<std::byte, 200> to;
        auto done = co_await spi.read(to);
        if (!done) turns = -100;
        over = true;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(turns >= 4 && turns <= 8);
}

WEFT_TEST(spi, a_stop_waits_for_what_is_on_its_way) {
    pl022_in_memory registers;
    spi_pl022 spi(registers.base());
    bool right = true;
    std::array<std::byte, 100> to{};
    auto first = spi.read(to);
    auto second = spi.write(bytes("never"));
    int came = 0, cancelled = 0;
    auto one = [&](spi_pl022::operation& transfer) -> task<> {
        ++came;
        auto done = co_await transfer;
        cancelled += !done && done.error() == errc::cancelled;
    };
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn(one(first));
        co_await weft::testing::until([&] { return came == 1; });
        s.spawn(one(second));
        co_await weft::testing::until([&] { return came == 2; });
        s.request_stop();
        co_await weft::testing::until([&] { return cancelled == 1; });
        for (int i = 0; i < 5; ++i) co_await weft::yield();
        right = right && cancelled == 1; // eight bytes of the first are on their way
        registers.has_come(7);
        spi.interrupt();
        co_await weft::testing::until([&] { return cancelled == 2; });
        right = right && to[7] == std::byte{7} && to[8] == std::byte{0};
    };
    auto whole = [&]() -> task<> {
        (void)co_await weft::with_scope(body);
        auto next = co_await spi.write(bytes("next"));
        right = right && next;
    };
    weft::testing::run(whole());
    WEFT_CHECK(right);
}

// A bus that writes down what happens on it, and answers by counting.
struct record {
    char text[64] = {};
    std::size_t size = 0;
    void add(char c) {
        if (size + 1 < sizeof text) text[size++] = c;
    }
};
class fake_bus {
  public:
    explicit fake_bus(record& r) noexcept : record_(r) {}
    task<result<void>> transfer(std::span<std::byte> to, std::span<const std::byte> from) {
        for (std::byte b : from) record_.add(static_cast<char>(b));
        for (std::size_t i = from.size(); i < to.size(); ++i) record_.add('.');
        for (std::byte& b : to) b = static_cast<std::byte>('0' + count_++);
        co_await weft::ok(weft::sleep_for(std::chrono::milliseconds(1)));
        co_return {};
    }
    task<result<void>> write(std::span<const std::byte> from) { return transfer({}, from); }
    task<result<void>> read(std::span<std::byte> to) { return transfer(to, {}); }

  private:
    record& record_;
    int count_ = 0;
};
struct fake_pin {
    record* r;
    char low, high;
    bool state = true;
    void set(bool on) noexcept {
        if (on != state) r->add(on ? high : low);
        state = on;
    }
    bool is_set() const noexcept { return state; }
};
static_assert(weft::hal::async_spi_device<spi_device<fake_bus, fake_pin>>);

WEFT_TEST(spi, devices_on_one_bus_take_turns_and_a_stop_lets_them_go) {
    record r;
    fake_bus wires(r);
    spi_bus bus(wires);
    spi_device a(bus, fake_pin{&r, '(', ')'}), b(bus, fake_pin{&r, '[', ']'});
    bool right = true;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](auto& b, bool& right) -> task<> {
            std::byte answer[2];
            auto done = co_await b.write_read(bytes("xy"), answer);
            right = right && done && answer[0] == std::byte{'0'};
        }(b, right));
        auto written = co_await a.write(bytes("one"));
        right = right && written;
        auto stopped = co_await weft::when_any(a.write(bytes("two")), weft::yield());
        right = right && !stopped.template get<0>();
        auto again = co_await a.write(bytes("3"));
        right = right && again;
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
    WEFT_CHECK(std::string_view(r.text, r.size) == "[xy..](one)(3)" ||
               std::string_view(r.text, r.size) == "(one)[xy..](3)" ||
               std::string_view(r.text, r.size) == "(one)(two)[xy..](3)" ||
               std::string_view(r.text, r.size) == "[xy..](one)(two)(3)");
}

} // namespace
