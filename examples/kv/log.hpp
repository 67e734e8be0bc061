// The log that people read: a line with the time, a level and a sentence, on stderr or the chip's console.
#pragma once

#include <cstdarg>

namespace kv {

// As printf, without the newline.
[[gnu::format(printf, 1, 2)]] void log_notice(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_warning(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_error(const char* format, ...);

// The machine supplies it.
void write_log_line(const char* level, const char* format, va_list arguments);

} // namespace kv
