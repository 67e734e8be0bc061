// Runs the core's tests on a chip and reports on its console, one line a test; the last is "N passed, N failed".
#include <weft/core/sweep.hpp>
#include <weft/core/testing.hpp>

#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/pooled/memory.hpp>

// From the linker script: the section that WEFT_TEST fills.
extern "C" const weft::testing::test_case __start_weft_tests[], __stop_weft_tests[];

namespace weft {

namespace testing {

namespace {

std::size_t jobs_a_turn = chip::executor::batch;
int failures_of_this_test = 0;

} // namespace

void report_failure(const char* file, int line, const char* what) noexcept {
    ++failures_of_this_test;
    chip::print_all("    ", file, ":", line, ": ", what, "\n");
}

run_queue& begin() { return chip::main_executor().level(); }

void turn(root_base& until) {
    chip::executor& e = chip::main_executor();
    if (e.run(jobs_a_turn) || until.finished()) return;
    e.sleep();
}

void end() { chip::main_executor().branches.give_back_spare(); }

void limit_turn(std::size_t jobs) noexcept { jobs_a_turn = jobs ? jobs : chip::executor::batch; }

void fail_allocation(std::size_t number) noexcept { pool::fail_allocation(number); }
std::size_t allocations() noexcept { return pool::measure().asked; }
std::size_t live_objects() noexcept {
    pool::usage u = pool::measure();
    return u.live_frames + u.live_branches;
}

} // namespace testing

void chip::start() {
    int passed = 0;
    int failed = 0;
    for (const testing::test_case* test = __start_weft_tests; test != __stop_weft_tests; ++test) {
        testing::failures_of_this_test = 0;
        test->run();
        bool good = testing::failures_of_this_test == 0;
        ++(good ? passed : failed);
        print_all(good ? "  ok    " : "  FAIL  ", test->suite, ".", test->name, "\n");
    }
    print_all(passed, " passed, ", failed, " failed\n");
    machine::halt(failed == 0 && passed != 0 ? 0 : 1);
}

} // namespace weft
