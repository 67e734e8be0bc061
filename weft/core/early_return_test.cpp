// A task that ok() ends gives up what it holds at once, whoever waits for its outcome.
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/testing.hpp>
#include <weft/core/when_any.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

task<result<void>> fails_with(weft::mutex& m) {
    auto held = co_await weft::ok(m.lock());
    co_await weft::ok(result<void>(weft::failure(errc::busy)));
    co_return {};
}

WEFT_TEST(early_return, gives_up_what_an_operand_holds) {
    auto test = []() -> task<> {
        weft::mutex m;
        bool free = false;
        auto looking = [&]() -> task<result<void>> {
            auto slept = co_await weft::sleep_for(1ms);
            free = !m.is_locked();
            co_return slept;
        };
        (void)co_await weft::when_any(fails_with(m), looking());
        WEFT_REQUIRE_IN_TASK(free);
    };
    weft::testing::run(test());
}

WEFT_TEST(early_return, gives_up_what_a_child_with_a_join_handle_holds) {
    auto test = []() -> task<> {
        weft::mutex m;
        bool free = false;
        auto body = [&](weft::scope& s) -> task<> {
            auto child = s.spawn(fails_with(m));
            (void)co_await weft::sleep_for(1ms);
            free = !m.is_locked();
        };
        (void)co_await weft::with_scope(body);
        WEFT_REQUIRE_IN_TASK(free);
    };
    weft::testing::run(test());
}

} // namespace
