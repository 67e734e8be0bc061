// The log that people read: a line with the time, a level and a sentence, on stderr or the chip's console.
#pragma once

#include <cstdarg>
#include <cstdint>

#include <weft/core/time.hpp>

namespace kv {

// As printf, without the newline.
[[gnu::format(printf, 1, 2)]] void log_notice(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_warning(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_error(const char* format, ...);

// For sentences.
constexpr unsigned long long kilobytes(std::uint64_t n) { return n / 1000; }
inline long long milliseconds_since(weft::clock::time_point then) {
    return (weft::clock::now() - then) / std::chrono::milliseconds(1);
}

// The machine supplies it.
void write_log_line(const char* level, const char* format, va_list arguments);

} // namespace kv
