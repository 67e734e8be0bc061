#include <weft/core/error.hpp>

namespace weft {

const char* error::message() const noexcept {
    switch (code_) {
    case errc::none: return "no error";
    case errc::cancelled: return "cancelled";
    case errc::timed_out: return "timed out";
    case errc::closed: return "closed";
    case errc::would_block: return "would block";
    case errc::out_of_memory: return "out of memory";
    case errc::limit_exceeded: return "limit exceeded";
    case errc::invalid_argument: return "invalid argument";
    case errc::already_exists: return "already exists";
    case errc::not_found: return "not found";
    case errc::permission_denied: return "permission denied";
    case errc::not_supported: return "not supported";
    case errc::busy: return "busy";
    case errc::bad_descriptor: return "bad descriptor";
    case errc::connection_refused: return "connection refused";
    case errc::connection_reset: return "connection reset";
    case errc::connection_aborted: return "connection aborted";
    case errc::not_connected: return "not connected";
    case errc::address_in_use: return "address in use";
    case errc::address_not_available: return "address not available";
    case errc::unreachable: return "unreachable";
    case errc::broken_pipe: return "broken pipe";
    case errc::interrupted: return "interrupted";
    case errc::no_space: return "no space left";
    case errc::end_of_file: return "end of file";
    case errc::is_directory: return "is a directory";
    case errc::not_directory: return "not a directory";
    case errc::message_too_large: return "message too large";
    case errc::too_many_files: return "too many open files";
    case errc::io_error: return "input/output error";
    case errc::lagged: return "receiver lagged behind";
    case errc::other: return "other error";
    }
    return "unknown error";
}

} // namespace weft
