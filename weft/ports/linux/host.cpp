// The Linux half of the contract for I/O: what io/host.hpp asks for.
#include <weft/io/host.hpp>

#include <algorithm>
#include <cstring>
#include <new>

#include <weft/core/spin_lock.hpp>
#include <weft/io/directory_entry.hpp>
#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/short_ways.hpp>
#include <weft/ports/host/worker.hpp>
#include <weft/ports/linux/perform.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft::host {

namespace {

result<void> done(long r) noexcept {
    if (r < 0) return failure(sys::error_from(r));
    return {};
}
result<native_handle> handle(long r) noexcept {
    if (r < 0) return failure(sys::error_from(r));
    return r;
}
int fd_of(native_handle h) noexcept { return static_cast<int>(h); }

struct option_name {
    int level;
    int name;
};
constexpr option_name option_names[] = {
    {SOL_SOCKET, SO_REUSEADDR},   {SOL_SOCKET, SO_REUSEPORT}, {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_TCP, TCP_NODELAY},   {SOL_SOCKET, SO_KEEPALIVE}, {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT}, {SOL_SOCKET, SO_RCVBUF},
    {SOL_SOCKET, SO_SNDBUF},      {SOL_SOCKET, SO_BROADCAST}, {SOL_SOCKET, SO_LINGER},
};
static_assert(std::size(option_names) == static_cast<std::size_t>(socket_option::linger) + 1);

} // namespace

namespace {

struct calls {
    static std::int64_t receive(native_handle h, void* to, std::size_t n) noexcept {
        return sys::receive(fd_of(h), to, n, MSG_DONTWAIT);
    }
    static std::int64_t send(native_handle h, const void* from, std::size_t n) noexcept {
        return sys::send(fd_of(h), from, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
};
using ways = short_ways<calls>;

} // namespace

bool receive(io_operation& op, branch& b, continuation& then) noexcept { return ways::receive(op, b, then); }
bool send(io_operation& op, branch& b, continuation& then) noexcept {
    return ways::send<io_short_empty>(op, b, then);
}
bool send_all(io_operation& op, branch& b, continuation& then) noexcept {
    return ways::send<io_short_empty | io_whole>(op, b, then);
}

error error_of(std::int64_t outcome) noexcept {
    if (outcome == io_operation::stopped) return errc::cancelled;
    if (outcome == io_operation::ended_early) return errc::end_of_file;
    if (outcome == io_operation::beyond_limit) return errc::limit_exceeded;
    return sys::error_from(static_cast<long>(outcome));
}

void close(native_handle h) noexcept { sys::close(fd_of(h)); }

result<void> adopt(native_handle h) noexcept {
    long flags = sys::get_flags(fd_of(h));
    if (flags < 0) return failure(sys::error_from(flags));
    if (flags & O_NONBLOCK) return {};
    return done(sys::set_flags(fd_of(h), static_cast<int>(flags) | O_NONBLOCK));
}

result<native_handle> duplicate(native_handle h) noexcept { return handle(sys::duplicate(fd_of(h))); }

result<native_handle> open_socket(endpoint::kind family, socket_type type) noexcept {
    int domain = family == endpoint::kind::unix_path ? AF_UNIX
                 : family == endpoint::kind::ipv6    ? AF_INET6
                                                     : AF_INET;
    int kind = type == socket_type::stream ? SOCK_STREAM : SOCK_DGRAM;
    return handle(sys::socket(domain, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

result<void> open_socket_pair(socket_type type, native_handle (&ends)[2]) noexcept {
    int kind = type == socket_type::stream ? SOCK_STREAM : SOCK_DGRAM;
    int fds[2];
    if (long r = sys::socket_pair(AF_UNIX, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, fds); r < 0)
        return failure(sys::error_from(r));
    for (int i = 0; i < 2; ++i) ends[i] = fds[i];
    return {};
}

result<void> bind(native_handle h, const endpoint& at) noexcept {
    native_address a;
    to_native(at, a);
    return done(sys::bind(fd_of(h), a.bytes, a.size));
}

result<void> listen(native_handle h, int backlog) noexcept { return done(sys::listen(fd_of(h), backlog)); }

result<void> connect_at_once(native_handle h, const endpoint& to) noexcept {
    native_address a;
    to_native(to, a);
    return done(sys::connect(fd_of(h), a.bytes, a.size));
}

result<void> shutdown(native_handle h, bool input, bool output) noexcept {
    return done(sys::shutdown(fd_of(h), input && output ? SHUT_RDWR : input ? SHUT_RD : SHUT_WR));
}

result<void> set_option(native_handle h, socket_option which, int value) noexcept {
    auto [level, name] = option_names[static_cast<std::size_t>(which)];
    if (which == socket_option::linger) {
        ::linger l{value >= 0, std::max(value, 0)};
        return done(sys::set_option(fd_of(h), level, name, &l, sizeof l));
    }
    return done(sys::set_option(fd_of(h), level, name, &value, sizeof value));
}

result<int> get_option(native_handle h, socket_option which) noexcept {
    auto [level, name] = option_names[static_cast<std::size_t>(which)];
    int value[2] = {};
    socklen_t n = which == socket_option::linger ? sizeof(::linger) : sizeof(int);
    if (long r = sys::get_option(fd_of(h), level, name, value, n); r < 0) return failure(sys::error_from(r));
    if (which == socket_option::linger) return value[0] ? value[1] : -1;
    return value[0];
}

result<endpoint> local_endpoint(native_handle h) noexcept {
    native_address a;
    socklen_t n = sizeof a.bytes;
    if (long r = sys::local_address(fd_of(h), a.bytes, n); r < 0) return failure(sys::error_from(r));
    a.size = n;
    return from_native(a);
}

result<endpoint> peer_endpoint(native_handle h) noexcept {
    native_address a;
    socklen_t n = sizeof a.bytes;
    if (long r = sys::peer_address(fd_of(h), a.bytes, n); r < 0) return failure(sys::error_from(r));
    a.size = n;
    return from_native(a);
}

void to_native(const endpoint& from, native_address& to) noexcept {
    std::string_view bytes = from.bytes();
    switch (from.family()) {
    case endpoint::kind::none: {
        sockaddr_in a{};
        a.sin_family = AF_UNSPEC;
        std::memcpy(to.bytes, &a, to.size = sizeof a);
        return;
    }
    case endpoint::kind::ipv4: {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(from.port());
        std::memcpy(&a.sin_addr, bytes.data(), 4);
        std::memcpy(to.bytes, &a, to.size = sizeof a);
        return;
    }
    case endpoint::kind::ipv6: {
        sockaddr_in6 a{};
        a.sin6_family = AF_INET6;
        a.sin6_port = htons(from.port());
        a.sin6_scope_id = from.scope();
        std::memcpy(&a.sin6_addr, bytes.data(), 16);
        std::memcpy(to.bytes, &a, to.size = sizeof a);
        return;
    }
    case endpoint::kind::unix_path: {
        sockaddr_un a{};
        static_assert(sizeof a <= sizeof to.bytes && sizeof a.sun_path == max_socket_path + 1);
        a.sun_family = AF_UNIX;
        std::memcpy(a.sun_path, bytes.data(), bytes.size());
        std::memcpy(to.bytes, &a, sizeof a);
        // A path is followed by a zero byte; an abstract name is as long as it is.
        std::size_t end = bytes.front() ? bytes.size() + 1 : bytes.size();
        to.size = static_cast<std::uint32_t>(offsetof(sockaddr_un, sun_path) + end);
        return;
    }
    }
}

endpoint from_native(const native_address& from) noexcept {
    sa_family_t family = AF_UNSPEC;
    if (from.size >= sizeof family) std::memcpy(&family, from.bytes, sizeof family);
    if (family == AF_INET && from.size >= sizeof(sockaddr_in)) {
        sockaddr_in a;
        std::memcpy(&a, from.bytes, sizeof a);
        std::array<std::uint8_t, 4> ip;
        std::memcpy(ip.data(), &a.sin_addr, 4);
        return endpoint::ipv4(ip, ntohs(a.sin_port));
    }
    if (family == AF_INET6 && from.size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 a;
        std::memcpy(&a, from.bytes, sizeof a);
        std::array<std::uint8_t, 16> ip;
        std::memcpy(ip.data(), &a.sin6_addr, 16);
        return endpoint::ipv6(ip, ntohs(a.sin6_port), a.sin6_scope_id);
    }
    constexpr std::size_t start = offsetof(sockaddr_un, sun_path);
    if (family == AF_UNIX && from.size > start) {
        std::string_view path(reinterpret_cast<const char*>(from.bytes) + start,
                              std::min<std::size_t>(from.size - start, endpoint::max_path));
        if (path.front()) path = path.substr(0, path.find('\0'));
        return endpoint::unix_path(path).value_or(endpoint());
    }
    return endpoint();
}

static_assert(CMSG_SPACE(max_handles * sizeof(int)) <= handle_room);

void pack_handles(io_message& message, std::span<const native_handle> from) noexcept {
    message.handles_size = 0;
    if (from.empty()) return;
    auto* header = new (message.handles) cmsghdr;
    std::size_t bytes = from.size() * sizeof(int);
    header->cmsg_len = CMSG_LEN(bytes);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    unsigned char* to = CMSG_DATA(header);
    for (native_handle h : from) {
        int fd = fd_of(h);
        std::memcpy(to, &fd, sizeof fd);
        to += sizeof fd;
    }
    message.handles_size = CMSG_SPACE(bytes);
}

std::size_t unpack_handles(io_message& message, std::span<native_handle> to) noexcept {
    std::size_t taken = 0;
    auto* at = static_cast<unsigned char*>(message.handles);
    std::size_t left = message.handles_size;
    while (left >= sizeof(cmsghdr)) {
        cmsghdr header;
        std::memcpy(&header, at, sizeof header);
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > left) break;
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
            for (std::size_t i = CMSG_LEN(0); i + sizeof(int) <= header.cmsg_len; i += sizeof(int)) {
                int fd;
                std::memcpy(&fd, at + i, sizeof fd);
                if (taken < to.size()) {
                    to[taken++] = fd;
                } else {
                    sys::close(fd);
                    message.handles_truncated = true;
                }
            }
        }
        std::size_t step = std::min<std::size_t>(CMSG_ALIGN(header.cmsg_len), left);
        at += step;
        left -= step;
    }
    message.handles_size = 0;
    return taken;
}

result<void> open_pipe(native_handle (&ends)[2]) noexcept {
    int fds[2];
    if (long r = sys::pipe(fds, O_CLOEXEC | O_NONBLOCK); r < 0) return failure(sys::error_from(r));
    for (int i = 0; i < 2; ++i) ends[i] = fds[i];
    return {};
}

result<native_handle> open_counter(bool one_at_a_time) noexcept {
    return handle(sys::event_descriptor(0, EFD_CLOEXEC | EFD_NONBLOCK | (one_at_a_time ? EFD_SEMAPHORE : 0)));
}

void count_up(native_handle counter) noexcept {
    std::uint64_t one = 1;
    sys::write(fd_of(counter), &one, sizeof one);
}

void count_down(native_handle counter) noexcept {
    std::uint64_t count;
    sys::read(fd_of(counter), &count, sizeof count);
}

bool next_entry(std::span<const std::byte>& rest, directory_entry& out) noexcept {
    // struct linux_dirent64 of getdents64(2): u64 inode, s64 offset, u16 length, u8 type, a name that ends with zero.
    constexpr std::size_t length_at = 16, type_at = 18, name_at = 19;
    while (rest.size() > name_at) {
        std::uint16_t length;
        std::memcpy(&length, rest.data() + length_at, sizeof length);
        if (length <= name_at || length > rest.size()) break;
        auto type = std::to_integer<unsigned char>(rest[type_at]);
        std::string_view name(reinterpret_cast<const char*>(rest.data()) + name_at, length - name_at);
        out.name = name.substr(0, name.find('\0'));
        out.type = type == DT_REG       ? file_type::regular
                   : type == DT_DIR     ? file_type::directory
                   : type == DT_LNK     ? file_type::symbolic_link
                   : type == DT_UNKNOWN ? file_type::unknown
                                        : file_type::other;
        rest = rest.subspan(length);
        if (out.name != "." && out.name != "..") return true;
    }
    rest = {};
    return false;
}

} // namespace weft::host
