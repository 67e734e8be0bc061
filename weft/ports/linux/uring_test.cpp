// The hazards of io_uring that other runtimes have met, each by its name; and the limits of the ring.
#include <weft/ports/linux/uring.hpp>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <gtest/gtest.h>

#include <weft/core/machine/root.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/yield.hpp>
#include <weft/io/file.hpp>
#include <weft/io/pipe.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/unix.hpp>
#include <weft/io/user_event.hpp>
#include <weft/ports/host/worker.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

std::size_t open_descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
}

std::unique_ptr<backend> make_ring(thread_pool* pool, const uring_settings& settings = uring_settings()) {
    const char* reason = "";
    auto made = uring_backend::make(pool, reason, settings);
    return made ? std::move(*made) : nullptr;
}

// A worker on a ring with the settings of the test.
class rig {
  public:
    explicit rig(const uring_settings& settings = uring_settings()) : pool_(2) {
        std::unique_ptr<backend> made = make_ring(&pool_, settings);
        if (!made) port::panic("no io_uring");
        ring_ = static_cast<uring_backend*>(made.get());
        worker_.open(std::move(made));
    }
    ~rig() {
        worker_.close();
        worker_.drop_io();
    }
    template <class T> T run(task<T> t) {
        root<T> r(std::move(t));
        r.start(worker_.level());
        while (!r.finished())
            if (!worker_.turn() && !r.finished()) worker_.sleep();
        return r.take();
    }
    uring_backend& ring() { return *ring_; }

  private:
    thread_pool pool_;
    worker worker_;
    uring_backend* ring_;
};

class uring : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!make_ring(nullptr)) GTEST_SKIP() << "the kernel denies io_uring";
        before_ = open_descriptors();
    }
    void TearDown() override {
        if (!IsSkipped()) {
            EXPECT_EQ(open_descriptors(), before_);
        }
    }

  private:
    std::size_t before_ = 0;
};
using uring_hazards = uring;

std::span<const std::byte> bytes_of(const char* text) {
    return std::as_bytes(std::span(text, std::strlen(text)));
}

// An operation without anybody who waits for it: for what ends with the back-end.
void nothing_to_cancel(leaf&) noexcept {}
constexpr leaf_kind raw_kind{"raw", &nothing_to_cancel};
struct raw_read : io_operation {
    raw_read(int fd, void* to, std::size_t n) noexcept
        : io_operation(raw_kind, io_code::read, &handle, to, n), handle(fd) {
        outcome = 0;
    }
    io_handle handle;
};

struct raw_pipe {
    raw_pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
    ~raw_pipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    int ends[2];
};

// An accept that tries in vain makes a socket and a file for nothing. The guess that nobody is there may be wrong both ways.
TEST_F(uring, an_accept_waits_before_it_tries_where_the_last_one_left_nobody) {
    for (bool old_kernel : {false, true}) {
        uring_settings settings;
        settings.without_accept_poll_first = old_kernel;
        rig r(settings);
        EXPECT_TRUE(!old_kernel || !r.ring().can_accept_poll_first());
        auto body = [&]() -> task<result<void>> {
            bool can = r.ring().can_accept_poll_first();
            tcp_listener listener = co_await ok(tcp_listener::bind(endpoint::loopback(0)));
            endpoint at = co_await ok(listener.local());
            auto left_nobody = [&] {
                return r.ring().guesses_empty(static_cast<int>(listener.handle().native()));
            };
            for (int round = 0; round < 3; ++round) {
                constexpr int clients = 3;
                for (int i = 0; i < clients; ++i) {
                    tcp_stream client =
                        co_await ok(tcp_stream::connect(at)); // and gone before it is accepted
                }
                for (int left = clients - 1; left >= 0; --left) {
                    tcp_stream server = co_await ok(listener.accept());
                    EXPECT_EQ(left_nobody(), can && left == 0) << left;
                }
                auto late = co_await timeout(1ms, listener.accept());
                EXPECT_TRUE(!late && late.error() == errc::timed_out);
                EXPECT_EQ(left_nobody(), can);
                auto accepts = [&]() -> task<result<void>> {
                    tcp_stream server = co_await ok(listener.accept());
                    co_await ok(server.write_all(bytes_of("x")));
                    co_return {};
                };
                auto connects = [&]() -> task<result<void>> {
                    co_await ok(sleep_for(1ms));
                    tcp_stream client = co_await ok(tcp_stream::connect(at));
                    std::array<std::byte, 1> byte;
                    co_await ok(client.read_exact(byte));
                    co_return {};
                };
                co_await ok(when_all(accepts(), connects()));
            }
            co_return {};
        };
        CHECK_OK(r.run(body()));
    }
}

TEST_F(uring_hazards, a_submit_that_fails_with_EAGAIN_loses_no_operation) {
    int failing = 0;
    uring_settings settings;
    settings.submission_entries = 4; // so that submissions also happen on the way
    settings.failing_submits = &failing;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        for (int round = 0; round < 50; ++round) {
            failing = round % 7;
            auto read = [&, &reader = reader]() -> task<result<void>> {
                std::array<std::byte, 5> buffer;
                co_await ok(reader.read_exact(buffer));
                EXPECT_EQ(std::memcmp(buffer.data(), "hello", 5), 0);
                co_return {};
            };
            auto write = [&, &writer = writer]() -> task<result<void>> {
                co_await ok(writer.write_all(bytes_of("hello")));
                co_return {};
            };
            co_await ok(when_all(read(), write()));
        }
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
    EXPECT_EQ(failing, 0);
}

TEST_F(uring_hazards, an_operation_that_was_not_submitted_for_EAGAIN_can_be_cancelled) {
    int failing = 0;
    uring_settings settings;
    settings.submission_entries = 2;
    settings.failing_submits = &failing;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        std::vector<user_event> events(20);
        for (auto& e : events) e = co_await ok(user_event::make());
        failing = 12;
        auto wait = [&](user_event& e) -> task<result<void>> {
            auto n = co_await timeout(1ms, e.wait());
            EXPECT_TRUE(!n && n.error() == errc::timed_out);
            co_return {};
        };
        auto all = [&](scope& s) -> task<result<void>> {
            for (auto& e : events) s.spawn(wait(e));
            co_return {};
        };
        auto outcome = co_await with_scope(all);
        co_return outcome;
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring_hazards, a_cancelled_open_leaks_no_descriptor) {
    std::string folder = (std::filesystem::temp_directory_path() / "weft-uring-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(folder.data()));
    std::string fifo = folder + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    {
        rig r;
        auto body = [&]() -> task<result<void>> {
            // To open a fifo for reading takes until somebody opens it for writing: the stop comes before, at about the
            // same time, and after.
            for (int i = 0; i < 60; ++i) {
                int writer = -1;
                std::thread other([&] {
                    std::this_thread::sleep_for(std::chrono::microseconds(30 * i));
                    writer = ::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                });
                auto f = co_await timeout(1ms, file::open(fifo));
                EXPECT_TRUE(f || f.error() == errc::timed_out);
                other.join();
                if (writer >= 0) ::close(writer);
            }
            co_return {};
        };
        auto outcome = r.run(body());
        CHECK_OK(outcome);
    }
    std::filesystem::remove_all(folder);
}

TEST_F(uring_hazards, a_late_or_doubled_completion_never_reaches_a_reused_slot) {
    rig r;
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 1> one;
        std::uint64_t old_mark = 0;
        auto first = [&, &reader = reader]() -> task<result<void>> {
            auto read = reader.read_some(one);
            auto look = [&]() -> task<result<void>> {
                co_await yield();
                old_mark = r.ring().mark_of(read);
                co_return {};
            };
            co_await ok(when_all(read, look()));
            co_return {};
        };
        auto write = [&, &writer = writer]() -> task<result<void>> {
            for (int i = 0; i < 5; ++i) co_await yield();
            co_await ok(writer.write_all(bytes_of("1")));
            co_return {};
        };
        co_await ok(when_all(first(), write()));

        auto second = reader.read_some(one);
        auto forge = [&, &writer = writer]() -> task<result<void>> {
            co_await yield();
            std::uint64_t new_mark = r.ring().mark_of(second);
            EXPECT_EQ(static_cast<std::uint32_t>(new_mark),
                      static_cast<std::uint32_t>(old_mark)); // the same slot
            EXPECT_NE(new_mark, old_mark);
            r.ring().forge_completion(old_mark);                // late
            r.ring().forge_completion(old_mark);                // doubled
            r.ring().forge_completion(new_mark | 0x8000'0000u); // the answer to a cancel that nobody sent
            r.ring().forge_completion(0x7fff'fff0u);            // of a slot that there never was
            co_await ok(sleep_for(5ms));
            EXPECT_EQ(r.ring().stale_completions(), 4u);
            EXPECT_NE(second.owner->waiting.load(order::relaxed), nullptr); // still waiting
            co_await ok(writer.write_all(bytes_of("2")));
            co_return {};
        };
        co_await ok(when_all(second, forge()));
        EXPECT_EQ(one[0], std::byte{'2'});
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring_hazards, the_buffer_of_a_cancelled_read_is_not_given_up_before_the_last_word) {
    rig r;
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        for (int i = 0; i < 100; ++i) {
            auto read = [&reader = reader]() -> task<result<void>> {
                std::array<std::byte, 512> in_this_frame;
                co_await ok(reader.read_exact(in_this_frame));
                co_return {};
            };
            auto stopped = co_await timeout(std::chrono::microseconds(i), read());
            EXPECT_TRUE(!stopped && stopped.error() == errc::timed_out);
            // The frame is gone. Nobody reads any more: what is written now stays in the pipe.
            co_await ok(writer.write_all(bytes_of("stays")));
            std::array<std::byte, 16> buffer;
            std::size_t n = co_await ok(reader.read_some(buffer));
            EXPECT_EQ(n, 5u);
        }
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring_hazards, the_timeout_of_a_wait_is_no_operation_and_leaves_nothing_behind) {
    rig r;
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 8> buffer;
        auto waits = [&]() -> task<result<void>> {
            for (int i = 0; i < 2000; ++i) co_await ok(sleep_for(std::chrono::microseconds(i % 50)));
            co_return {};
        };
        auto read = [&, &reader = reader]() -> task<result<void>> {
            co_await ok(reader.read_some(buffer));
            co_return {};
        };
        auto then_write = [&, &writer = writer]() -> task<result<void>> {
            co_await ok(waits());
            EXPECT_EQ(r.ring().stale_completions(), 0u);
            co_await ok(writer.write_all(bytes_of("x")));
            co_return {};
        };
        co_await ok(when_all(read(), then_write()));
        EXPECT_EQ(buffer[0], std::byte{'x'});
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
    EXPECT_EQ(r.ring().stale_completions(), 0u);
}

TEST_F(uring_hazards, destroying_the_backend_with_operations_in_flight_drains_them) {
    raw_pipe pipe;
    for (bool submitted : {false, true}) {
        std::vector<std::byte> buffer(64);
        raw_read op(pipe.ends[0], buffer.data(), buffer.size());
        raw_read second(pipe.ends[0], buffer.data(), buffer.size());
        {
            std::unique_ptr<backend> ring = make_ring(nullptr);
            EXPECT_TRUE(ring->submit(op));
            EXPECT_TRUE(ring->submit(second));
            if (submitted) ring->poll(port::now() + 1'000'000);
            EXPECT_FALSE(ring->idle());
        }
        // The kernel has let go: what is written now, nobody takes.
        ASSERT_EQ(::write(pipe.ends[1], "late", 4), 4);
        std::this_thread::sleep_for(2ms);
        for (std::byte b : buffer) EXPECT_EQ(b, std::byte{0});
        char back[8];
        EXPECT_EQ(::read(pipe.ends[0], back, sizeof back), 4);
    }
}

TEST_F(uring_hazards, a_wait_that_returns_early_ends_no_operation) {
    // A signal each millisecond, and rings from another thread: waits end for no reason of the operation's.
    struct sigaction ignore{}, before;
    ignore.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &ignore, &before);
    itimerval often{{0, 1000}, {0, 1000}}, off{};
    rig r;
    atomic<std::uint32_t> done{0};
    std::thread ringer([&] {
        while (!done.load(order::acquire)) {
            r.ring().ring();
            std::this_thread::sleep_for(200us);
        }
    });
    ::setitimer(ITIMER_REAL, &often, nullptr);
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 64> buffer{};
        auto read = [&, &reader = reader]() -> task<result<void>> {
            std::size_t n = co_await ok(reader.read_exact(std::span(buffer).first(10)));
            EXPECT_EQ(n, 10u);
            EXPECT_EQ(std::memcmp(buffer.data(), "0123456789", 10), 0);
            co_return {};
        };
        auto write = [&, &writer = writer]() -> task<result<void>> {
            for (const char* c : {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
                co_await ok(sleep_for(5ms));
                co_await ok(writer.write_all(bytes_of(c)));
            }
            co_return {};
        };
        co_await ok(when_all(read(), write()));
        co_return {};
    };
    auto outcome = r.run(body());
    ::setitimer(ITIMER_REAL, &off, nullptr);
    done.store(1, order::release);
    ringer.join();
    ::sigaction(SIGALRM, &before, nullptr);
    CHECK_OK(outcome);
}

TEST_F(uring_hazards, a_cancelled_operation_ends_when_both_answers_have_come) {
    rig r;
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        std::array<std::byte, 8> buffer;
        auto read = reader.read_some(buffer);
        auto stop = [&]() -> task<result<void>> {
            co_await ok(sleep_for(1ms));
            r.ring().cancel(read);
            // Requested, and no more than that: nothing has ended before the kernel was asked.
            EXPECT_NE(read.owner->waiting.load(order::relaxed), nullptr);
            co_return {};
        };
        auto both = co_await when_all(read, stop());
        EXPECT_TRUE(!both && both.error() == errc::cancelled);
        EXPECT_EQ(r.ring().stale_completions(), 0u); // the cancel's answer was waited for
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
    EXPECT_TRUE(r.ring().idle());
}

TEST_F(uring_hazards, a_cancel_that_comes_too_late_delivers_the_result) {
    rig r;
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        for (int i = 0; i < 50; ++i) {
            std::array<std::byte, 8> buffer;
            auto read = reader.read_some(buffer);
            if (::write(static_cast<int>(writer.handle().native()), "in spite", 8) != 8)
                co_return failure(errc::io_error);
            // Both go to the kernel together, the read first: it is finished when the cancel gets there.
            auto finish = [&]() -> task<result<void>> {
                r.ring().cancel(read);
                co_return {};
            };
            auto both = co_await when_all(read, finish());
            CHECK_OK(both);
            if (both) {
                EXPECT_EQ(std::get<0>(*both), 8u);
            }
        }
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring_hazards, an_unused_backend_is_destroyed_without_ado) {
    { std::unique_ptr<backend> never_used = make_ring(nullptr); }
    std::unique_ptr<backend> elsewhere = make_ring(nullptr);
    std::thread other([&] { elsewhere.reset(); });
    other.join();
    std::unique_ptr<backend> polled = make_ring(nullptr);
    polled->poll(0);
    polled->poll(port::now() + 1000);
}

TEST_F(uring, a_backend_made_on_one_thread_works_on_another) {
    std::unique_ptr<backend> made = make_ring(nullptr);
    std::thread other([&] {
        made->poll(0);
        made->ring();
        made->poll(INT64_MAX);
        made.reset();
    });
    other.join();
}

// With the flags that older kernels have.
TEST_F(uring, works_in_every_flavour) {
    for (unsigned flavour : {0u, 1u, 2u}) {
        uring_settings settings;
        settings.flavour = flavour;
        rig r(settings);
        auto body = [&]() -> task<result<void>> {
            auto [reader, writer] = co_await ok(make_pipe());
            std::array<std::byte, 4> buffer;
            for (int i = 0; i < 200; ++i) {
                auto read = [&, &reader = reader]() -> task<result<void>> {
                    co_await ok(reader.read_exact(buffer));
                    co_return {};
                };
                auto write = [&, &writer = writer]() -> task<result<void>> {
                    if (i % 50 == 0) co_await ok(sleep_for(1ms));
                    co_await ok(writer.write_all(bytes_of("four")));
                    co_return {};
                };
                co_await ok(when_all(read(), write()));
                auto stopped = co_await timeout(std::chrono::microseconds(i), reader.read_some(buffer));
                EXPECT_TRUE(!stopped && stopped.error() == errc::timed_out);
            }
            co_return {};
        };
        auto outcome = r.run(body());
        CHECK_OK(outcome);
        std::thread other([&] {
            std::this_thread::sleep_for(2ms);
            r.ring().ring();
        });
        r.ring().poll(INT64_MAX);
        other.join();
    }
}

TEST_F(uring, leases_without_a_ring_of_buffers) {
    uring_settings settings;
    settings.without_buffer_rings = true;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        auto [a, b] = co_await ok(unix_stream::pair());
        for (int i = 0; i < 20; ++i) {
            auto write = [&, &b = b]() -> task<result<void>> {
                if (i % 2) co_await ok(sleep_for(100us));
                co_await ok(b.write_all(bytes_of("lent")));
                co_return {};
            };
            auto read = [&, &a = a]() -> task<result<void>> {
                leased_buffer bytes = co_await ok(a.read_leased());
                EXPECT_EQ(bytes.size(), 4u);
                co_return {};
            };
            co_await ok(when_all(read(), write()));
            auto nothing = co_await timeout(100us, a.read_leased());
            EXPECT_TRUE(!nothing && nothing.error() == errc::timed_out);
        }
        b.close();
        leased_buffer end = co_await ok(a.read_leased());
        EXPECT_TRUE(end.empty());
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring, more_operations_than_the_submission_queue_holds) {
    uring_settings settings;
    settings.submission_entries = 2;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        std::vector<user_event> events(500);
        for (auto& e : events) e = co_await ok(user_event::make());
        std::size_t woken = 0;
        auto wait = [&](user_event& e) -> task<result<void>> {
            co_await ok(e.wait());
            ++woken;
            co_return {};
        };
        auto all = [&](scope& s) -> task<result<void>> {
            for (auto& e : events) s.spawn(wait(e));
            co_await ok(sleep_for(2ms));
            for (auto& e : events) e.trigger();
            co_return {};
        };
        auto outcome = co_await with_scope(all);
        EXPECT_EQ(woken, events.size());
        co_return outcome;
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring, more_completions_than_the_completion_queue_holds) {
    uring_settings settings;
    settings.submission_entries = 4;
    settings.completion_entries = 4;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        std::vector<user_event> events(500);
        for (auto& e : events) e = co_await ok(user_event::make());
        std::size_t woken = 0;
        auto wait = [&](user_event& e) -> task<result<void>> {
            co_await ok(e.wait());
            ++woken;
            co_return {};
        };
        for (int round = 0; round < 5; ++round) {
            auto all = [&](scope& s) -> task<result<void>> {
                for (auto& e : events) s.spawn(wait(e));
                co_await ok(sleep_for(2ms));
                for (auto& e : events) e.trigger(); // all complete at once, and nobody reaps meanwhile
                co_return {};
            };
            auto outcome = co_await with_scope(all);
            CHECK_OK(outcome);
        }
        EXPECT_EQ(woken, 5 * events.size());
        co_return {};
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

TEST_F(uring, more_operations_than_slots_wait_their_turn_and_can_be_cancelled) {
    uring_settings settings;
    settings.slot_limit = 4;
    rig r(settings);
    auto body = [&]() -> task<result<void>> {
        std::vector<user_event> events(100);
        for (auto& e : events) e = co_await ok(user_event::make());
        std::size_t woken = 0, stopped = 0;
        auto wait = [&](std::size_t i) -> task<result<void>> {
            auto n = co_await timeout(i % 3 == 0 ? 3ms : 10s, events[i].wait());
            n ? ++woken : ++stopped;
            co_return {};
        };
        auto all = [&](scope& s) -> task<result<void>> {
            for (std::size_t i = 0; i < events.size(); ++i) s.spawn(wait(i));
            co_await ok(sleep_for(20ms));
            EXPECT_EQ(r.ring().slots(), 4u);
            EXPECT_EQ(stopped, 34u);
            for (auto& e : events) e.trigger();
            co_return {};
        };
        auto outcome = co_await with_scope(all);
        EXPECT_EQ(woken, 66u);
        co_return outcome;
    };
    auto outcome = r.run(body());
    CHECK_OK(outcome);
}

} // namespace
} // namespace weft
