#include "log.hpp"

namespace kv {

#define KV_LOG(name, level)                                                                                  \
    void name(const char* format, ...) {                                                                     \
        va_list arguments;                                                                                   \
        va_start(arguments, format);                                                                         \
        write_log_line(level, format, arguments);                                                            \
        va_end(arguments);                                                                                   \
    }
KV_LOG(log_notice, "notice")
KV_LOG(log_warning, "warning")
KV_LOG(log_error, "error")

} // namespace kv
