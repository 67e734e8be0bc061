#include "log.hpp"

#include <weft/runtime/log.hpp>

#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace kv {

namespace {

void write_line(const char* level, const char* format, va_list arguments) {
    using namespace std::chrono;
    auto now = system_clock::now();
    std::time_t seconds = system_clock::to_time_t(now);
    auto milliseconds =
        static_cast<int>(duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000);
    std::tm local{};
    localtime_r(&seconds, &local);
    char time[32], sentence[1000];
    std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &local);
    std::vsnprintf(sentence, sizeof sentence, format, arguments);
    std::fprintf(stderr, "%s.%03d %-7s %s\n", time, milliseconds, level, sentence);
}

} // namespace

#define KV_LOG(name, level)                                                                                  \
    void name(const char* format, ...) {                                                                     \
        va_list arguments;                                                                                   \
        va_start(arguments, format);                                                                         \
        write_line(level, format, arguments);                                                                \
        va_end(arguments);                                                                                   \
    }
KV_LOG(log_notice, "notice")
KV_LOG(log_warning, "warning")
KV_LOG(log_error, "error")

void log_for_weft() {
    weft::set_log_sink([](weft::log_level level, std::string_view line) noexcept {
        auto say = level == weft::log_level::error     ? log_error
                   : level == weft::log_level::warning ? log_warning
                                                       : log_notice;
        say("weft: %.*s", static_cast<int>(line.size()), line.data());
    });
}

} // namespace kv
