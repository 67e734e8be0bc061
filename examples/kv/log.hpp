// The log that people read: a line on stderr with the time, a level and a sentence.
#pragma once

namespace kv {

// As printf, without the newline.
[[gnu::format(printf, 1, 2)]] void log_notice(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_warning(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_error(const char* format, ...);

// What weft itself has to say goes the same way.
void log_for_weft();

} // namespace kv
