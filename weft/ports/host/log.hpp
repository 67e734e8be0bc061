// The few messages that the library has for people: which back-end was chosen and why, a thread that could not be had.
#pragma once

#include <string_view>

namespace weft {

enum class log_level : int { error, warning, notice, debug };

// Called with one line, without the newline, from any thread; calls do not overlap.
using log_sink = void (*)(log_level level, std::string_view line) noexcept;

// Where the messages go. nullptr: the default, "weft: …" on stderr. Thread-safe.
void set_log_sink(log_sink sink) noexcept;
// What is passed on: this level and those before it. The default is `notice`. The variable WEFT_LOG of the environment
// (error, warning, notice, debug, quiet) sets it for a program that does not. Thread-safe.
void set_log_level(log_level level) noexcept;
// Nothing is passed on.
void silence_log() noexcept;

// For the library: one message, put together from `parts`, up to 500 characters. No allocation.
bool log_enabled(log_level level) noexcept;
void log_line(log_level level, std::string_view line) noexcept;
template <class... Parts>
    requires(sizeof...(Parts) > 1)
void log_line(log_level level, const Parts&... parts) noexcept {
    if (!log_enabled(level)) return;
    char line[500];
    std::size_t used = 0;
    auto add = [&](std::string_view part) noexcept {
        std::size_t n = part.size() < sizeof line - used ? part.size() : sizeof line - used;
        part.copy(line + used, n);
        used += n;
    };
    (add(parts), ...);
    log_line(level, std::string_view(line, used));
}

} // namespace weft
