#include <weft/ports/host/backend.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <weft/core/machine/timer_wheel.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/io/pipe.hpp>
#include <weft/ports/linux/epoll.hpp>
#include <weft/runtime/run.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

// Most of these change the process, or look at its log: each in a process of its own.
class choosing_a_back_end : public ::testing::Test {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

constexpr int io_uring_setup = 425,
              io_uring_enter = 426; // numbers, since the library may be older than the calls

void deny(int call, int error_number) {
    scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    if (!filter ||
        ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)), call, 0) != 0 ||
        ::seccomp_load(filter) != 0)
        _exit(99);
    ::seccomp_release(filter);
}

// Runs something through a pipe on whatever back-end is chosen; exits with 0 if that worked and it is called `name`.
[[noreturn]] void exit_with_verdict(const char* name) {
    auto made = make_backend();
    if (!made) _exit(1);
    if (std::string(made->get()->name()) != name) _exit(2);
    made->reset();
    auto body = []() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 4> buffer;
        auto read = [&, &reader = reader]() -> task<result<void>> {
            co_await ok(reader.read_exact(buffer));
            co_return {};
        };
        auto write = [&, &writer = writer]() -> task<result<void>> {
            co_await ok(writer.write_all(std::as_bytes(std::span("four", 4))));
            co_return {};
        };
        co_await ok(when_all(read(), write()));
        co_return {};
    };
    auto r = run(body());
    _exit(r ? 0 : 3);
}

TEST_F(choosing_a_back_end, epoll_takes_over_where_the_kernel_denies_io_uring) {
    for (int error_number : {EPERM, ENOSYS})
        EXPECT_EXIT(
            {
                ::unsetenv("WEFT_IO");
                deny(io_uring_setup, error_number);
                exit_with_verdict("epoll");
            },
            ::testing::ExitedWithCode(0),
            "epoll, since there is no io_uring \\((Operation not permitted|Function not)");
}

TEST_F(choosing_a_back_end, epoll_takes_over_where_a_ring_can_be_made_and_not_used) {
    EXPECT_EXIT(
        {
            ::unsetenv("WEFT_IO");
            deny(io_uring_enter, EPERM);
            exit_with_verdict("epoll");
        },
        ::testing::ExitedWithCode(0), "epoll, since there is no io_uring \\(Operation not permitted");
}

TEST_F(choosing_a_back_end, a_forced_io_uring_that_is_denied_is_a_clear_error) {
    EXPECT_EXIT(
        {
            ::setenv("WEFT_IO", "uring", 1);
            deny(io_uring_setup, EPERM);
            auto made = make_backend();
            _exit(!made && made.error() == errc::not_supported ? 0 : 1);
        },
        ::testing::ExitedWithCode(0),
        "WEFT_IO asks for io_uring, which is not to be had: Operation not permitted");
}

TEST_F(choosing_a_back_end, the_environment_forces_one) {
    EXPECT_EXIT(
        {
            ::setenv("WEFT_IO", "epoll", 1);
            exit_with_verdict("epoll");
        },
        ::testing::ExitedWithCode(0), "io: epoll \\(forced\\)");
}

TEST_F(choosing_a_back_end, an_unknown_name_is_a_clear_error) {
    EXPECT_EXIT(
        {
            ::setenv("WEFT_IO", "kqueue", 1);
            auto made = make_backend();
            _exit(!made && made.error() == errc::invalid_argument ? 0 : 1);
        },
        ::testing::ExitedWithCode(0),
        "WEFT_IO asks for \"kqueue\", which is no back-end: uring, epoll, poll or select");
}

TEST_F(choosing_a_back_end, the_choice_is_logged_once) {
    EXPECT_EXIT(
        {
            ::unsetenv("WEFT_IO");
            for (int i = 0; i < 3; ++i) (void)make_backend();
            ::write(2, "end\n", 4);
            _exit(0);
        },
        ::testing::ExitedWithCode(0), "^weft: io: [^\n]*\nend\n$");
}

class each_back_end : public ::testing::TestWithParam<const char*> {
  protected:
    std::unique_ptr<backend> make() {
        backend_options options;
        options.force = GetParam();
        auto made = make_backend(options);
        return made ? std::move(*made) : nullptr;
    }
};
INSTANTIATE_TEST_SUITE_P(linux_port, each_back_end, ::testing::Values("uring", "epoll", "poll", "select"),
                         [](const auto& info) { return std::string(info.param); });

std::int64_t elapsed(auto f) {
    std::int64_t start = port::now();
    f();
    return port::now() - start;
}

TEST_P(each_back_end, a_poll_ends_at_its_deadline_to_a_fraction_of_a_millisecond) {
    auto b = make();
    ASSERT_TRUE(b);
    EXPECT_LT(elapsed([&] { b->poll(0); }), 100'000'000);
    // A poll may end early, as when the kernel still tidies up after another test's ring: most do not.
    std::int64_t best = INT64_MAX;
    int whole = 0;
    for (int i = 0; i < 50; ++i) {
        std::int64_t t = elapsed([&] { b->poll(port::now() + 300'000); });
        if (t < 300'000) continue;
        ++whole;
        best = std::min(best, t);
    }
    EXPECT_GE(whole, 25);
    EXPECT_LT(best, 1'000'000); // a wait in whole milliseconds would take longer
    EXPECT_LT(elapsed([&] { b->poll(port::now() - 5); }), 100'000'000);
}

TEST_P(each_back_end, a_ring_ends_a_poll_and_one_that_is_about_to_begin) {
    auto b = make();
    ASSERT_TRUE(b);
    b->poll(0);
    b->ring();
    b->poll(timer_wheel::never);
    std::thread other([&] {
        for (int i = 0; i < 3; ++i) {
            std::this_thread::sleep_for(2ms);
            b->ring();
        }
    });
    b->poll(timer_wheel::never); // returns, or the test hangs
    other.join();
    b->poll(0);
    // What was rung is used up: the next poll waits.
    EXPECT_GE(elapsed([&] {
                  for (int i = 0; i < 5; ++i) b->poll(port::now() + 5'000'000);
              }),
              4'000'000);
}

TEST_P(each_back_end, is_idle_without_operations) {
    auto b = make();
    ASSERT_TRUE(b);
    EXPECT_TRUE(b->idle());
    b->poll(0);
    EXPECT_TRUE(b->idle());
}

// A duplicate keeps the old file alive, and with it its registration: its events must not count for the new file that
// has got the number.
TEST(epoll, events_of_a_file_that_was_closed_under_a_number_do_not_count_for_the_next) {
    runtime_options options;
    options.threads = 1;
    options.io = "epoll";
    auto body = [&]() -> task<result<void>> {
        auto [old_reader, old_writer] = co_await ok(make_pipe());
        std::array<std::byte, 1> one;
        native_handle number = old_reader.handle().native();
        auto registered = co_await when_all(old_reader.read_some(one),
                                            old_writer.write_all(std::as_bytes(std::span("x", 1))));
        EXPECT_TRUE(registered);
        int duplicate = ::fcntl(static_cast<int>(number), F_DUPFD_CLOEXEC, 100);
        old_reader.close();
        auto [reader, writer] = co_await ok(make_pipe());
        EXPECT_EQ(reader.handle().native(), number);
        auto disturb = [&, &old_writer = old_writer, &writer = writer]() -> task<result<void>> {
            co_await ok(old_writer.write_all(std::as_bytes(std::span("old", 3))));
            for (int i = 0; i < 20; ++i) co_await yield();
            co_await ok(writer.write_all(std::as_bytes(std::span("n", 1))));
            co_return {};
        };
        auto read = [&, &reader = reader]() -> task<result<void>> {
            co_await ok(reader.read_exact(one));
            co_return {};
        };
        co_await ok(when_all(read(), disturb()));
        EXPECT_EQ(one[0], std::byte{'n'});
        ::close(duplicate);
        co_return {};
    };
    auto r = run(options, body());
    EXPECT_TRUE(r);
}

TEST(epoll, a_descriptor_given_up_and_taken_over_loses_no_event) {
    runtime_options options;
    options.threads = 1;
    options.io = "epoll";
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 4> buffer;
        auto read = [&, &reader = reader]() -> task<result<void>> {
            for (int i = 0; i < 50; ++i) {
                co_await ok(reader.read_exact(buffer));
                reader = pipe_reader(descriptor(reader.handle().release()));
            }
            co_return {};
        };
        auto write = [&, &writer = writer]() -> task<result<void>> {
            for (int i = 0; i < 50; ++i) {
                writer = pipe_writer(descriptor(writer.handle().release()));
                co_await yield();
                co_await ok(writer.write_all(std::as_bytes(std::span("four", 4))));
                co_await yield();
            }
            co_return {};
        };
        co_await ok(when_all(read(), write()));
        co_return {};
    };
    auto r = run(options, body());
    EXPECT_TRUE(r);
}

} // namespace
} // namespace weft
