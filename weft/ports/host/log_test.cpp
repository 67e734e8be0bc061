#include <weft/ports/host/log.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace weft {
namespace {

std::string of_world, of_process;

TEST(log, a_world_has_its_own) {
    message_log mine;
    mine.set_sink([](log_level, std::string_view line) noexcept { of_world += line; });
    set_log_sink([](log_level, std::string_view line) noexcept { of_process += line; });
    message_log* before = set_current_log(&mine);
    EXPECT_EQ(before, nullptr);
    log_line(log_level::notice, "a", "b");
    mine.set_level(log_level::error);
    log_line(log_level::notice, "not passed on");
    std::thread other([] { log_line(log_level::notice, "of another thread"); });
    other.join();
    before = set_current_log(nullptr);
    EXPECT_EQ(before, &mine);
    log_line(log_level::notice, "c");
    set_log_sink(nullptr);
    EXPECT_EQ(of_world, "ab");
    EXPECT_EQ(of_process, "of another threadc");
}

} // namespace
} // namespace weft
