#include <weft/io/pipe.hpp>

#include <csignal>

#include <fcntl.h>

#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(pipes);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

TEST_P(pipes, bytes_go_through_whole) {
    const std::vector<std::byte> sent = pattern(2 << 20); // much more than a pipe holds
    std::vector<std::byte> received(sent.size());
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        auto write = [&w = writer, &sent]() -> task<result<void>> {
            co_await ok(w.write_all(sent));
            w.close();
            co_return {};
        };
        auto read = [&r = reader, &received]() -> task<result<void>> {
            co_await ok(r.read_exact(received));
            std::array<std::byte, 1> one;
            std::size_t n = co_await ok(r.read_some(one));
            EXPECT_EQ(n, 0u);
            co_return {};
        };
        co_await ok(when_all(write(), read()));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_TRUE(sent == received);
}

TEST_P(pipes, vectors_go_through_whole) {
    const std::vector<std::byte> sent = pattern(1 << 20);
    std::vector<std::byte> received(sent.size());
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        auto write = [&w = writer, &sent]() -> task<result<void>> {
            std::span<const std::byte> all = sent;
            std::array<const_buffer, 3> parts{const_buffer(all.first(10)),
                                              const_buffer(all.subspan(10, 500'000)),
                                              const_buffer(all.subspan(500'010))};
            co_await ok(w.write_all(std::span<const_buffer>(parts)));
            co_return {};
        };
        auto read = [&r = reader, &received]() -> task<result<void>> {
            for (std::size_t done = 0; done < received.size();) {
                std::span<std::byte> rest = std::span(received).subspan(done);
                std::array<mutable_buffer, 2> parts{mutable_buffer(rest.first(1)),
                                                    mutable_buffer(rest.subspan(1))};
                std::size_t n = co_await ok(r.read_some(parts));
                done += n;
            }
            co_return {};
        };
        co_await ok(when_all(write(), read()));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
    EXPECT_TRUE(sent == received);
}

TEST_P(pipes, a_write_that_nobody_reads_is_an_error_and_no_signal) {
    struct sigaction before;
    ::sigaction(SIGPIPE, nullptr, &before);
    auto body = [&]() -> task<result<void>> {
        auto [reader, writer] = co_await ok(make_pipe());
        reader.close();
        auto r = co_await writer.write_all(bytes_of("hello?"));
        EXPECT_TRUE(!r && r.error() == errc::broken_pipe);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(pipes, a_blocking_descriptor_from_elsewhere_can_be_adopted) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    auto body = [&]() -> task<result<void>> {
        pipe_reader reader = co_await ok(pipe_reader::adopt(ends[0]));
        pipe_writer writer = co_await ok(pipe_writer::adopt(ends[1]));
        std::array<std::byte, 8> buffer;
        auto early = co_await timeout(5ms, reader.read_some(buffer));
        EXPECT_TRUE(!early && early.error() == errc::timed_out);
        co_await ok(writer.write_all(bytes_of("adopted")));
        std::size_t n = co_await ok(reader.read_some(buffer));
        EXPECT_EQ(n, 7u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// Standard input may be a file, which is always ready, and which epoll refuses.
TEST_P(pipes, a_file_can_be_read_as_a_stream) {
    scratch_folder folder;
    std::string path = folder / "input";
    int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_EQ(::write(fd, "line", 4), 4);
    ::lseek(fd, 0, SEEK_SET);
    auto body = [&]() -> task<result<void>> {
        pipe_reader reader = co_await ok(pipe_reader::adopt(fd));
        std::array<std::byte, 16> buffer;
        std::size_t n = co_await ok(reader.read_some(buffer));
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "line");
        n = co_await ok(reader.read_some(buffer));
        EXPECT_EQ(n, 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(pipes, a_reused_descriptor_number_is_a_new_descriptor) {
    auto body = [&]() -> task<result<void>> {
        native_handle first = no_handle;
        for (int i = 0; i < 200; ++i) {
            auto [reader, writer] = co_await ok(make_pipe());
            if (i == 0) first = reader.handle().native();
            EXPECT_EQ(reader.handle().native(), first); // the same number each time
            std::array<std::byte, 4> buffer;
            auto read = [&r = reader, &buffer]() -> task<result<void>> {
                co_await ok(r.read_exact(buffer));
                co_return {};
            };
            auto write = [&w = writer]() -> task<result<void>> {
                co_await yield();
                co_await ok(w.write_all(bytes_of("next")));
                co_return {};
            };
            co_await ok(when_all(read(), write()));
        }
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
