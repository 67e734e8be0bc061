#include <weft/io/file.hpp>

#include <algorithm>
#include <csignal>
#include <set>

#include <sys/resource.h>
#include <sys/stat.h>

#include <weft/io/directory.hpp>
#include <weft/io/testing.hpp>

namespace weft {
namespace {

using namespace testing;

WEFT_ON_EACH_BACK_END(files);

#define CHECK_OK(r) EXPECT_TRUE((r).has_value()) << (r).error().message() << " " << (r).error().native()

constexpr open_mode fresh = open_mode::read | open_mode::write | open_mode::create | open_mode::exclusive;

TEST_P(files, what_is_written_is_read) {
    scratch_folder folder;
    const std::vector<std::byte> data = pattern(3'000'000);
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, fresh));
        std::size_t n = co_await ok(f.write_all_at(data, 0));
        EXPECT_EQ(n, data.size());
        co_await ok(f.sync());
        co_await ok(f.sync_data());
        std::uint64_t size = co_await ok(f.size());
        EXPECT_EQ(size, data.size());
        std::vector<std::byte> back(data.size());
        co_await ok(f.read_exact_at(back, 0));
        EXPECT_TRUE(back == data);
        n = co_await ok(f.read_at(std::span(back).first(100), data.size() - 10));
        EXPECT_EQ(n, 10u);
        n = co_await ok(f.read_at(back, data.size()));
        EXPECT_EQ(n, 0u);
        auto beyond = co_await f.read_exact_at(std::span(back).first(100), data.size() - 10);
        EXPECT_TRUE(!beyond && beyond.error() == errc::end_of_file);
        co_await ok(f.truncate(1000));
        size = co_await ok(f.size());
        EXPECT_EQ(size, 1000u);
        co_await ok(f.close());
        EXPECT_FALSE(f);
        auto closed = co_await f.read_at(back, 0);
        EXPECT_TRUE(!closed && closed.error() == errc::bad_descriptor);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, vectors) {
    scratch_folder folder;
    const std::vector<std::byte> data = pattern(300'000);
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, fresh));
        std::vector<const_buffer> parts; // more than one system call takes
        std::span<const std::byte> rest = data;
        while (!rest.empty()) {
            std::size_t n = std::min<std::size_t>(rest.size(), 100);
            parts.push_back(rest.first(n));
            rest = rest.subspan(n);
        }
        std::size_t n = co_await ok(f.write_all_at(std::span(parts), 5));
        EXPECT_EQ(n, data.size());
        std::vector<std::byte> head(1000), tail(data.size());
        std::array<mutable_buffer, 2> to{mutable_buffer(head), mutable_buffer(tail)};
        n = co_await ok(f.read_at(std::span<const mutable_buffer>(to), 5));
        EXPECT_EQ(n, data.size());
        EXPECT_TRUE(std::equal(head.begin(), head.end(), data.begin()));
        EXPECT_TRUE(std::equal(data.begin() + 1000, data.end(), tail.begin()));
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, appending_goes_to_the_end) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "log";
        file f = co_await ok(file::open(path, open_mode::write | open_mode::append | open_mode::create));
        file g = co_await ok(file::open(path, open_mode::write | open_mode::append | open_mode::sync_data));
        co_await ok(f.append(bytes_of("one ")));
        co_await ok(g.append(bytes_of("two ")));
        std::array<const_buffer, 2> parts{const_buffer(bytes_of("thr")), const_buffer(bytes_of("ee"))};
        co_await ok(f.append(std::span<const_buffer>(parts)));
        file h = co_await ok(file::open(path));
        std::array<std::byte, 64> buffer;
        std::size_t n = co_await ok(h.read_some(std::span(buffer).first(4)));
        std::size_t m = co_await ok(h.read_some(std::span(buffer).subspan(n)));
        EXPECT_EQ(text_of(std::span(buffer).first(n + m)), "one two three");
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, errors_are_told) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        auto missing = co_await file::open(path);
        EXPECT_TRUE(!missing && missing.error() == errc::not_found);
        file f = co_await ok(file::open(path, fresh, 0600));
        auto twice = co_await file::open(path, fresh);
        EXPECT_TRUE(!twice && twice.error() == errc::already_exists);
        auto directory_as_file = co_await file::open(folder.path(), open_mode::write);
        EXPECT_TRUE(!directory_as_file && directory_as_file.error() == errc::is_directory);
        auto file_as_directory = co_await directory::open(path);
        EXPECT_TRUE(!file_as_directory && file_as_directory.error() == errc::not_directory);
        file reader = co_await ok(file::open(path));
        auto refused = co_await reader.write_at(bytes_of("x"), 0);
        EXPECT_TRUE(!refused && refused.error() == errc::bad_descriptor);
        auto absurd = co_await f.write_at(bytes_of("x"), UINT64_MAX);
        EXPECT_FALSE(absurd);
        struct stat s;
        EXPECT_EQ(::stat(path.c_str(), &s), 0);
        EXPECT_EQ(s.st_mode & 0777, 0600u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

// What a disk, a limit and an end of file say; nothing of it is a short success.
TEST_P(files, what_does_not_fit_is_told) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::vector<std::byte> much(1 << 20);
        file full = co_await ok(file::open("/dev/full", open_mode::write));
        auto no_space = co_await full.write_at(much, 0);
        EXPECT_TRUE(!no_space && no_space.error() == errc::no_space);
        auto none_whole = co_await full.write_all_at(much, 0);
        EXPECT_TRUE(!none_whole && none_whole.error() == errc::no_space);

        file f = co_await ok(file::open(folder / "a", fresh | open_mode::read));
        co_await ok(f.write_all_at(bytes_of("four"), 0));
        auto too_far = co_await f.read_exact_at(much, 0);
        EXPECT_TRUE(!too_far && too_far.error() == errc::end_of_file);
        std::size_t at_end = co_await ok(f.read_at(much, 4));
        std::size_t beyond = co_await ok(f.read_at(much, 1'000'000));
        std::size_t nothing = co_await ok(f.read_exact_at(std::span<std::byte>(), 0));
        nothing += co_await ok(f.write_all_at(std::span<const std::byte>(), 0));
        EXPECT_EQ(at_end + beyond + nothing, 0u);

        rlimit before;
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
        auto handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit low = before;
        low.rlim_cur = 100'000;
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
        auto in_part = co_await f.write_at(much, 0);
        auto whole = co_await f.write_all_at(much, 0);
        ::setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, handler);
        EXPECT_EQ(in_part.value_or(0), 100'000u);
        EXPECT_TRUE(!whole && whole.error() == errc::limit_exceeded) << whole.error().message();

        EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
        low = before;
        low.rlim_cur = 3;
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
        auto one_more = co_await file::open(folder / "a");
        auto listed = co_await directory::open(folder.path());
        ::setrlimit(RLIMIT_NOFILE, &before);
        EXPECT_TRUE(!one_more && one_more.error() == errc::too_many_files);
        EXPECT_TRUE(!listed && listed.error() == errc::too_many_files);
        co_await ok(f.close());
        auto closed = co_await f.write_at(bytes_of("x"), 0);
        EXPECT_TRUE(!closed && closed.error() == errc::bad_descriptor);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, truncate_mode_begins_anew) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, fresh));
        co_await ok(f.write_all_at(bytes_of("old text"), 0));
        file g = co_await ok(file::open(path, open_mode::write | open_mode::truncate));
        std::uint64_t size = co_await ok(g.size());
        EXPECT_EQ(size, 0u);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, directories) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string sub = folder / "sub";
        co_await ok(create_directory(sub));
        auto again = co_await create_directory(sub);
        EXPECT_TRUE(!again && again.error() == errc::already_exists);
        std::set<std::string> made;
        for (int i = 0; i < 300; ++i) {
            std::string name = "file number " + std::to_string(i);
            file f = co_await ok(file::open(sub + "/" + name, fresh));
            made.insert(name);
        }
        co_await ok(create_directory(sub + "/inner"));
        made.insert("inner");

        directory d = co_await ok(directory::open(sub));
        std::set<std::string> seen;
        std::array<std::byte, 1024> buffer;
        for (;;) {
            auto entries = co_await d.list(buffer);
            if (!entries) {
                EXPECT_EQ(entries.error(), errc::end_of_file);
                break;
            }
            for (directory_entry e; entries->next(e);) {
                seen.insert(std::string(e.name));
                EXPECT_TRUE(e.type == file_type::unknown ||
                            e.type == (e.name == "inner" ? file_type::directory : file_type::regular));
            }
        }
        EXPECT_EQ(seen, made);
        co_await ok(d.sync());

        std::string a = sub + "/file number 0", b = sub + "/renamed";
        co_await ok(rename(a, b));
        auto gone = co_await remove(a);
        EXPECT_TRUE(!gone && gone.error() == errc::not_found);
        co_await ok(remove(b));
        auto full = co_await remove_directory(sub);
        EXPECT_FALSE(full);
        co_await ok(remove_directory(sub + "/inner"));
        auto wrong = co_await remove(sub);
        EXPECT_TRUE(!wrong && wrong.error() == errc::is_directory);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

TEST_P(files, many_operations_at_the_same_time) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, fresh));
        auto one = [&](std::uint64_t i) -> task<result<void>> {
            std::array<std::byte, 512> block;
            block.fill(static_cast<std::byte>(i));
            co_await ok(f.write_all_at(block, i * 512));
            if (i % 16 == 0) co_await ok(f.sync_data());
            std::array<std::byte, 512> back;
            co_await ok(f.read_exact_at(back, i * 512));
            EXPECT_EQ(back, block);
            co_return {};
        };
        auto all = [&](scope& s) -> task<result<void>> {
            for (std::uint64_t i = 0; i < 1000; ++i) s.spawn(one(i));
            co_return {};
        };
        auto r = co_await with_scope(all);
        co_return r;
    };
    auto r = run(body());
    CHECK_OK(r);
}

// While the medium is slow, other tasks of the worker go on.
TEST_P(files, a_sync_does_not_hold_up_the_worker) {
    scratch_folder folder;
    auto body = [&]() -> task<result<void>> {
        std::string path = folder / "a";
        file f = co_await ok(file::open(path, fresh));
        std::vector<std::byte> data(8 << 20);
        co_await ok(f.write_all_at(data, 0));
        bool synced = false;
        int turns = 0;
        auto sync = [&]() -> task<result<void>> {
            co_await ok(f.sync());
            synced = true;
            co_return {};
        };
        auto others = [&]() -> task<result<void>> {
            while (!synced) {
                co_await yield();
                ++turns;
            }
            co_return {};
        };
        co_await ok(when_all(sync(), others()));
        EXPECT_GT(turns, 1);
        co_return {};
    };
    auto r = run(body());
    CHECK_OK(r);
}

} // namespace
} // namespace weft
