#include <weft/ports/host/log.hpp>

#include <cstdlib>
#include <utility>

#include <weft/ports/host/os.hpp>

namespace weft {

namespace {

constinit message_log log_of_process;
constinit thread_local message_log* log_of_thread = nullptr;

int level_of_environment() noexcept {
    const char* wanted = std::getenv("WEFT_LOG");
    if (!wanted) return static_cast<int>(log_level::notice);
    constexpr std::string_view names[] = {"quiet", "error", "warning", "notice", "debug"};
    for (int i = 0; i < 5; ++i)
        if (wanted == names[i]) return i - 1;
    return static_cast<int>(log_level::notice);
}

} // namespace

int message_log::current_level() noexcept {
    int level = least_.load(order::relaxed);
    if (level != not_set) return level;
    level = not_set;
    least_.compare_exchange(level, level_of_environment(), order::relaxed);
    return least_.load(order::relaxed);
}

void message_log::set_sink(log_sink s) noexcept {
    std::lock_guard held(guard_);
    sink_ = s;
}

void message_log::write(log_level level, std::string_view line) noexcept {
    if (!passes(level)) return;
    std::lock_guard held(guard_);
    if (sink_) return sink_(level, line);
    char text[520] = "weft: ";
    std::size_t used = 6 + line.copy(text + 6, sizeof text - 7);
    text[used++] = '\n';
    sys::write_stderr(text, used);
}

message_log& current_log() noexcept { return log_of_thread ? *log_of_thread : log_of_process; }
message_log* set_current_log(message_log* log) noexcept { return std::exchange(log_of_thread, log); }

void set_log_sink(log_sink s) noexcept { log_of_process.set_sink(s); }
void set_log_level(log_level level) noexcept { log_of_process.set_level(level); }
void silence_log() noexcept { log_of_process.silence(); }
bool log_enabled(log_level level) noexcept { return current_log().passes(level); }
void log_line(log_level level, std::string_view line) noexcept { current_log().write(level, line); }

} // namespace weft
