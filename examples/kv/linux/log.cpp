#include "log.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace kv {

void write_log_line(const char* level, const char* format, va_list arguments) {
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

} // namespace kv
