#include <weft/ports/host/log.hpp>

#include <cstdlib>
#include <mutex>

#include <weft/core/atomic.hpp>
#include <weft/ports/host/os.hpp>

namespace weft {

namespace {

constexpr int not_set = -2;
constexpr int quiet = -1;

constinit atomic<int> least{not_set};
constinit std::mutex guard;
constinit log_sink sink = nullptr;

int level_of_environment() noexcept {
    const char* wanted = std::getenv("WEFT_LOG");
    if (!wanted) return static_cast<int>(log_level::notice);
    constexpr std::string_view names[] = {"quiet", "error", "warning", "notice", "debug"};
    for (int i = 0; i < 5; ++i)
        if (wanted == names[i]) return i - 1;
    return static_cast<int>(log_level::notice);
}

int current_level() noexcept {
    int level = least.load(order::relaxed);
    if (level != not_set) return level;
    level = not_set;
    least.compare_exchange(level, level_of_environment(), order::relaxed);
    return least.load(order::relaxed);
}

} // namespace

void set_log_sink(log_sink s) noexcept {
    std::lock_guard held(guard);
    sink = s;
}
void set_log_level(log_level level) noexcept { least.store(static_cast<int>(level), order::relaxed); }
void silence_log() noexcept { least.store(quiet, order::relaxed); }
bool log_enabled(log_level level) noexcept { return static_cast<int>(level) <= current_level(); }

void log_line(log_level level, std::string_view line) noexcept {
    if (!log_enabled(level)) return;
    std::lock_guard held(guard);
    if (sink) return sink(level, line);
    char text[520] = "weft: ";
    std::size_t used = 6 + line.copy(text + 6, sizeof text - 7);
    text[used++] = '\n';
    sys::write_stderr(text, used);
}

} // namespace weft
