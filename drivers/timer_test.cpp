#include <drivers/hal.hpp>
#include <drivers/timer_dual.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::task;
using weft::drivers::timer_dual;

static_assert(weft::hal::async_delay<timer_dual>);

// Registers in plain memory: the first half counts down from the largest number.
struct dual_timer_in_memory {
    alignas(8) volatile std::uint32_t words[16] = {};

    dual_timer_in_memory() { words[1] = UINT32_MAX; }
    std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(words); }
    void set(std::uint32_t counted, bool wrapped = false) {
        words[1] = ~counted;
        words[4] = wrapped;
    }
    std::uint32_t alarm() const { return words[10] == 0 ? 0 : words[8]; }
};

WEFT_TEST(timer, counts_beyond_its_bits) {
    dual_timer_in_memory registers;
    timer_dual timer(registers.base(), 40ns);
    registers.set(1000);
    WEFT_CHECK(timer.now() == 40us);
    registers.set(5, true);
    WEFT_CHECK(timer.now() == 40ns * ((std::int64_t{1} << 32) + 5));
    registers.set(6);
    WEFT_CHECK(timer.now() == 40ns * ((std::int64_t{1} << 32) + 6));
}

WEFT_TEST(timer, waits_are_not_early_and_go_beyond_what_it_counts) {
    dual_timer_in_memory registers;
    timer_dual timer(registers.base(), 40ns);
    int ended = 0;
    bool right = true;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](timer_dual& timer, int& ended) -> task<> {
            auto waited = co_await timer.wait_for(100ns); // two and a half ticks
            if (waited) ended = 1;
        }(timer, ended));
        co_await weft::testing::until([&] { return registers.alarm() == 3; });
        registers.set(2);
        timer.interrupt(); // early
        for (int i = 0; i < 5; ++i) co_await weft::yield();
        right = right && ended == 0 && registers.alarm() == 1;
        registers.set(3);
        timer.interrupt();
        co_await weft::testing::until([&] { return ended == 1; });
        right = right && registers.alarm() == 0;
        s.spawn([](timer_dual& timer, int& ended) -> task<> {
            auto waited = co_await timer.wait_for(1h);
            if (!waited) ended = 2;
        }(timer, ended));
        co_await weft::testing::until([&] { return registers.alarm() == UINT32_MAX; });
        s.request_stop();
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(right);
    WEFT_CHECK_EQ(ended, 2);
}

} // namespace
