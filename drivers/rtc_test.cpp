#include <drivers/rtc_goldfish.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::task;
using weft::drivers::rtc_goldfish;

// Registers in plain memory: the time is what the test writes.
struct clock_in_memory {
    alignas(8) volatile std::uint32_t words[8] = {};

    std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(words); }
    void set(std::chrono::nanoseconds t) {
        words[0] = static_cast<std::uint32_t>(t.count());
        words[1] = static_cast<std::uint32_t>(t.count() >> 32);
    }
    std::chrono::nanoseconds alarm() const {
        return std::chrono::nanoseconds(std::int64_t{words[3]} << 32 | words[2]);
    }
};

WEFT_TEST(rtc, tells_the_time_and_wakes_in_order) {
    clock_in_memory registers;
    registers.set(1'700'000'000s);
    rtc_goldfish rtc(registers.base());
    WEFT_CHECK(rtc.now() == 1'700'000'000s);
    int order[3] = {}, woken = 0;
    auto at = [](rtc_goldfish& rtc, std::chrono::nanoseconds when, int& place, int& woken) -> task<> {
        auto waited = co_await rtc.wait_until(when);
        if (waited) place = ++woken;
    };
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn(at(rtc, 1'700'000'030s, order[0], woken));
        s.spawn(at(rtc, 1'700'000'010s, order[1], woken));
        s.spawn(at(rtc, 1'700'000'000s, order[2], woken)); // is now
        co_await weft::testing::until([&] { return registers.alarm() == 1'700'000'010s && woken == 1; });
        registers.set(1'700'000'010s);
        rtc.interrupt();
        co_await weft::testing::until([&] { return registers.alarm() == 1'700'000'030s && woken == 2; });
        registers.set(1'700'000'031s);
        rtc.interrupt();
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(order[0] == 3 && order[1] == 2 && order[2] == 1);
}

WEFT_TEST(rtc, a_stop_ends_a_wait) {
    clock_in_memory registers;
    rtc_goldfish rtc(registers.base());
    bool cancelled = false;
    auto body = [&](weft::scope& s) -> task<> {
        s.spawn([](rtc_goldfish& rtc, bool& cancelled) -> task<> {
            auto waited = co_await rtc.wait_until(1h);
            cancelled = !waited && waited.error() == errc::cancelled;
        }(rtc, cancelled));
        co_await weft::yield();
        s.request_stop();
    };
    auto whole = [&]() -> task<> { (void)co_await weft::with_scope(body); };
    weft::testing::run(whole());
    WEFT_CHECK(cancelled);
    rtc.interrupt(); // of nobody's
}

} // namespace
