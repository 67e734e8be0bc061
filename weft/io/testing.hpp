// What the io room's tests stand on: every test runs on all four back-ends, and may leave no descriptor open.
#pragma once

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>

namespace weft::testing {

using namespace std::chrono_literals;

inline std::size_t open_descriptors() {
    std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string text_of(std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Bytes that no shifted copy of themselves equals.
inline std::vector<std::byte> pattern(std::size_t n) {
    std::vector<std::byte> v(n);
    std::uint32_t x = 1;
    for (auto& b : v) {
        x = x * 1664525 + 1013904223;
        b = static_cast<std::byte>(x >> 24);
    }
    return v;
}

// A folder of a test's own, gone with it.
class scratch_folder {
  public:
    scratch_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-io-XXXXXX").string();
        if (::mkdtemp(name.data())) path_ = name;
    }
    ~scratch_folder() { std::filesystem::remove_all(path_); }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class on_each_back_end : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override { before_ = open_descriptors(); }
    void TearDown() override { EXPECT_EQ(open_descriptors(), before_) << "descriptors were left open"; }

    template <class T> T run(task<T> t, std::size_t threads = 1) {
        runtime_options options;
        options.threads = threads;
        options.io = GetParam();
        return weft::run(options, std::move(t));
    }
    bool is(std::string_view name) const { return GetParam() == name; }

  private:
    std::size_t before_ = 0;
};

inline std::string back_end_name(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

} // namespace weft::testing

#define WEFT_ON_EACH_BACK_END(suite)                                                                         \
    class suite : public weft::testing::on_each_back_end {};                                                 \
    INSTANTIATE_TEST_SUITE_P(io, suite, ::testing::Values("uring", "epoll", "poll", "select"),               \
                             weft::testing::back_end_name)
