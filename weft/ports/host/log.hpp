// The few messages that the library has for people: which back-end was chosen and why, a thread that could not be had.
#pragma once

#include <mutex>
#include <string_view>

#include <weft/core/atomic.hpp>

namespace weft {

enum class log_level : int { error, warning, notice, debug };

// Called with one line, without the newline, from any thread; calls do not overlap.
using log_sink = void (*)(log_level level, std::string_view line) noexcept;

// Where messages go, and which. A process has one; a world of its own, as a simulated machine, has another. Thread-safe.
class message_log {
  public:
    constexpr message_log() noexcept = default;
    message_log(const message_log&) = delete;
    message_log& operator=(const message_log&) = delete;

    // nullptr: the default, "weft: …" on stderr.
    void set_sink(log_sink sink) noexcept;
    void set_level(log_level level) noexcept { least_.store(static_cast<int>(level), order::relaxed); }
    void silence() noexcept { least_.store(quiet, order::relaxed); }
    bool passes(log_level level) noexcept { return static_cast<int>(level) <= current_level(); }
    void write(log_level level, std::string_view line) noexcept;

  private:
    static constexpr int not_set = -2, quiet = -1;
    int current_level() noexcept;

    atomic<int> least_{not_set};
    std::mutex guard_;
    log_sink sink_ = nullptr;
};

// Where the calling thread's messages go: the process's log, if no other was set. What is set outlives its use; nullptr: the
// process's again. Yields what was set before.
message_log& current_log() noexcept;
message_log* set_current_log(message_log* log) noexcept;

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
