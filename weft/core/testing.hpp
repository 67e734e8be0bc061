// The layer that the core's tests are written on: GoogleTest on hosts, a plain reporter on chips
// (WEFT_TEST_ON_CHIP). No test names GoogleTest itself.
#pragma once

#include <weft/core/machine/root.hpp>
#include <weft/core/time.hpp>
#include <weft/core/yield.hpp>

#if !defined(WEFT_TEST_ON_CHIP)

#include <gtest/gtest.h>

#define WEFT_TEST(suite, name) TEST(suite, name)
#define WEFT_CHECK(condition) EXPECT_TRUE(condition)
#define WEFT_CHECK_EQ(a, b) EXPECT_EQ(a, b)
#define WEFT_REQUIRE(condition) ASSERT_TRUE(condition)
#define WEFT_FAIL(what) (ADD_FAILURE() << what)

namespace weft {

// What a failed WEFT_CHECK_EQ shows.
inline void PrintTo(error e, std::ostream* to) { *to << e.message() << " (" << e.native() << ")"; }
inline void PrintTo(errc e, std::ostream* to) { PrintTo(error(e), to); }

} // namespace weft

#else

namespace weft::testing {

// A port's test main walks the section "weft_tests", calls each, and prints the counts.
struct test_case {
    const char* suite;
    const char* name;
    void (*run)();
};
// Told of each failed check; supplied by the port's test main.
void report_failure(const char* file, int line, const char* what) noexcept;

} // namespace weft::testing

#define WEFT_TEST(suite, name)                                                                               \
    static void suite##_##name##_body();                                                                     \
    [[gnu::section("weft_tests"),                                                                            \
      gnu::used]] static const weft::testing::test_case suite##_##name##_case = {#suite, #name,              \
                                                                                 &suite##_##name##_body};    \
    static void suite##_##name##_body()
#define WEFT_CHECK(condition)                                                                                \
    ((condition) ? void() : weft::testing::report_failure(__FILE__, __LINE__, #condition))
#define WEFT_CHECK_EQ(a, b) WEFT_CHECK((a) == (b))
#define WEFT_REQUIRE(condition)                                                                              \
    do {                                                                                                     \
        if (!(condition)) return WEFT_FAIL(#condition);                                                      \
    } while (0)
#define WEFT_FAIL(what) weft::testing::report_failure(__FILE__, __LINE__, what)

#endif

// WEFT_REQUIRE in a task<>, which ends there; WEFT_CHECK serves everywhere.
#define WEFT_REQUIRE_IN_TASK(condition)                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            WEFT_FAIL(#condition);                                                                           \
            co_return;                                                                                       \
        }                                                                                                    \
    } while (0)

namespace weft::testing {

// Each port that runs the core's tests supplies these four.
run_queue& begin();          // a world for one run on the calling thread, and the level to start in
void turn(root_base& until); // one turn of the port's loop; may sleep
void end();                  // nothing may be left in the world
// Lets every allocation from now on succeed (0), or the one with this number fail (1 is the next).
void fail_allocation(std::size_t number) noexcept;
// How many allocations (frames and branch headers) were asked for since fail_allocation() was called.
std::size_t allocations() noexcept;
// Frames and branch headers that are alive.
std::size_t live_objects() noexcept;

// Runs a task to its end in a fresh world of the port under test.
template <class T> T run(task<T> t) {
    root<T> r(std::move(t));
    r.start(begin());
    while (!r.finished()) turn(r);
    end();
    return r.take();
}

// Yields until holds(), so that a test gets the state that it needs in whatever order the others have their turns. Fails
// after many turns; what it waits for must come without a timer, since time need not pass while somebody is ready.
template <class F> task<> until(F holds) {
    for (int turns = 0; turns < 100'000; ++turns) {
        if (holds()) co_return;
        co_await yield();
    }
    WEFT_FAIL("the state that a test waits for does not come");
}

} // namespace weft::testing
