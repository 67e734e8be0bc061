// The core's tests on the hand port with the seeded machine, under one seed after the other:
//
//     weft_core_seeded_test [first seed] [how many] [--gtest_filter=…]
//
// Under each, ready jobs, timers and stealable operands come in another order, and branches run for other lengths of time before
// the others have their turns. What fails is named with its seed, and `weft_core_seeded_test <seed> --gtest_filter=<test>` runs
// it again, choice by choice.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unistd.h>

#include <gtest/gtest.h>

#include <weft/ports/hand/hand.hpp>

namespace {

// Tests of an order that is open under a seed: that equals take turns one by one, that the ready ones go on as they became
// ready, and that equal timers fire as they came.
constexpr const char* of_order[] = {
    "executor.equals_take_turns",
    "event.lets_go_in_the_order_of_arrival",
    "timer_heap.equal_deadlines_fire_in_the_order_of_insertion",
    "timer_wheel.equal_deadlines_fire_in_the_order_of_insertion",
};
// What makes no choice, or millions of them: tried under one seed in fifty.
constexpr const char* long_ones[] = {
    "timer_heap.fires_in_the_order_of_the_deadlines",
    "timer_wheel.fires_in_the_order_of_the_deadlines",
    "task.two_million_ready_children_do_not_grow_the_stack",
    "task.an_error_passes_many_levels_without_recursion",
    "executor.a_stop_passes_deeply_nested_scopes",
};

char replay[512] = "before the first test";
std::size_t tests_run = 0;
std::size_t tests_failed = 0;

class by_seed : public testing::EmptyTestEventListener {
  public:
    explicit by_seed(std::uint64_t first) : first_(first) {}

  private:
    void OnTestIterationStart(const testing::UnitTest&, int iteration) override {
        seed_ = first_ + static_cast<std::uint64_t>(iteration);
    }
    void OnTestStart(const testing::TestInfo& t) override {
        weft::hand::seed(seed_);
        std::snprintf(replay, sizeof replay, "weft_core_seeded_test %llu --gtest_filter=%s.%s",
                      static_cast<unsigned long long>(seed_), t.test_suite_name(), t.name());
        alarm(60);
    }
    void OnTestPartResult(const testing::TestPartResult& r) override {
        if (!r.failed()) return;
        std::printf("%s:%d: %s\nreplay: %s\n", r.file_name() ? r.file_name() : "?", r.line_number(),
                    r.summary(), replay);
    }
    void OnTestEnd(const testing::TestInfo& t) override {
        ++tests_run;
        tests_failed += t.result()->Failed();
    }

    std::uint64_t first_;
    std::uint64_t seed_ = 0;
};

// A panic of the port, or a test that hangs.
void say_which(int number) {
    const char* what = number == SIGALRM ? "hangs; replay: " : "dies; replay: ";
    const char* why = weft::hand::the_world().panicked;
    for (const char* text : {why ? why : "", why ? "; " : "", what, static_cast<const char*>(replay), "\n"})
        if (write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
    signal(number, SIG_DFL);
    raise(number);
}

template <std::size_t n> std::string joined(const char* const (&names)[n]) {
    std::string all;
    for (const char* name : names) all += std::string(all.empty() ? "" : ":") + name;
    return all;
}

int run(std::uint64_t first, std::uint64_t count, const std::string& filter) {
    GTEST_FLAG_SET(filter, filter);
    GTEST_FLAG_SET(repeat, static_cast<int>(count));
    auto* listener = new by_seed(first);
    testing::UnitTest::GetInstance()->listeners().Append(listener);
    int failed = RUN_ALL_TESTS();
    delete testing::UnitTest::GetInstance()->listeners().Release(listener);
    return failed;
}

} // namespace

int main(int argc, char** argv) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    testing::InitGoogleTest(&argc, argv);
    std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
    std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    std::string asked = GTEST_FLAG_GET(filter);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    for (int number : {SIGALRM, SIGILL, SIGTRAP, SIGSEGV, SIGABRT}) signal(number, &say_which);

    int failed = 0;
    if (asked != "*") {
        failed = run(first, count, asked);
    } else {
        failed = run(first, count, "*-" + joined(of_order) + ":" + joined(long_ones));
        if (failed == 0) failed = run(first, (count + 49) / 50, joined(long_ones));
    }
    std::printf("%zu runs of tests, %zu failed, seeds %llu to %llu\n", tests_run, tests_failed,
                static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + count - 1));
    return failed;
}
