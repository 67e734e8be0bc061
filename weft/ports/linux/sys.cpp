#include <weft/ports/linux/sys.hpp>

#include <cstring>

namespace weft::sys {

namespace {

constexpr errc portable(int number) noexcept {
    switch (number) {
    case 0: return errc::none;
    case ECANCELED: return errc::cancelled;
    case ETIMEDOUT:
    case ETIME: return errc::timed_out;
    case EAGAIN:
    case EINPROGRESS: return errc::would_block;
    case ENOMEM:
    case ENOBUFS: return errc::out_of_memory;
    case EINVAL:
    case ENAMETOOLONG:
    case EDESTADDRREQ:
    case EISCONN: return errc::invalid_argument;
    case EEXIST:
    case ENOTEMPTY: return errc::already_exists;
    case ENOENT:
    case ESRCH: return errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return errc::permission_denied;
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT: return errc::not_supported;
    case EBUSY:
    case EALREADY:
    case ETXTBSY: return errc::busy;
    case EBADF:
    case ENOTSOCK: return errc::bad_descriptor;
    case ECONNREFUSED: return errc::connection_refused;
    case ECONNRESET: return errc::connection_reset;
    case ECONNABORTED: return errc::connection_aborted;
    case ENOTCONN: return errc::not_connected;
    case EADDRINUSE: return errc::address_in_use;
    case EADDRNOTAVAIL: return errc::address_not_available;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN: return errc::unreachable;
    case EPIPE:
    case ESHUTDOWN: return errc::broken_pipe;
    case EINTR: return errc::interrupted;
    case ENOSPC:
    case EDQUOT: return errc::no_space;
    case EISDIR: return errc::is_directory;
    case ENOTDIR: return errc::not_directory;
    case EMSGSIZE: return errc::message_too_large;
    case EMFILE:
    case ENFILE: return errc::too_many_files;
    case ETOOMANYREFS:
    case EFBIG: return errc::limit_exceeded;
    case EIO: return errc::io_error;
    default: return errc::other;
    }
}

} // namespace

error error_from(long number) noexcept {
    int n = static_cast<int>(number < 0 ? -number : number);
    return error(portable(n), n);
}

void ignore_broken_pipes() noexcept {
    struct sigaction now;
    if (signal_action(SIGPIPE, nullptr, &now) < 0 || now.sa_handler != SIG_DFL) return;
    now.sa_handler = SIG_IGN;
    signal_action(SIGPIPE, &now, nullptr);
}

const char* describe(long number) noexcept {
    const char* name = ::strerrordesc_np(static_cast<int>(number < 0 ? -number : number));
    return name ? name : "unknown error";
}

} // namespace weft::sys
