// The one door to the OS: every header of the OS is included here, and every call of the Linux port goes through a
// wrapper of namespace weft::sys. All of them yield the call's value or the negative error number, and touch no errno.
#pragma once

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <weft/core/error.hpp>

namespace weft::sys {

// The portable error for an error number, given as it is or negative.
error error_from(long number) noexcept;

// The value of a call, or its negative error number.
template <class N> inline long outcome(N n) noexcept {
    return n < 0 ? -static_cast<long>(errno) : static_cast<long>(n);
}

// The calls that matter for speed, without the library's test for cancelled threads and without errno, where we know how.
// Sanitizers want to see what is read and written.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_DIRECT_CALLS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_DIRECT_CALLS 0
#endif
#endif
#if !defined(WEFT_DIRECT_CALLS) && (defined(__aarch64__) || (defined(__x86_64__) && defined(__LP64__)))
#define WEFT_DIRECT_CALLS 1
// recvfrom and sendto for connected sockets: the kernel looks at the sixth argument only where the fifth is given.
inline long transfer_directly(long call, int fd, const void* buffer, std::size_t n, int flags) noexcept {
#if defined(__x86_64__)
    long r;
    register long a4 __asm__("r10") = flags;
    register long a5 __asm__("r8") = 0;
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(call), "D"(fd), "S"(buffer), "d"(n), "r"(a4), "r"(a5)
                     : "rcx", "r11", "memory");
    return r;
#else
    register long number __asm__("x8") = call;
    register long a1 __asm__("x0") = fd;
    register const void* a2 __asm__("x1") = buffer;
    register std::size_t a3 __asm__("x2") = n;
    register long a4 __asm__("x3") = flags;
    register long a5 __asm__("x4") = 0;
    __asm__ volatile("svc 0" : "+r"(a1) : "r"(number), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a1;
#endif
}
#endif

// Descriptors of every kind.

inline long close(int fd) noexcept { return outcome(::close(fd)); }
inline long read(int fd, void* to, std::size_t n) noexcept { return outcome(::read(fd, to, n)); }
inline long write(int fd, const void* from, std::size_t n) noexcept { return outcome(::write(fd, from, n)); }
inline long readv(int fd, const iovec* to, int n) noexcept { return outcome(::readv(fd, to, n)); }
inline long writev(int fd, const iovec* from, int n) noexcept { return outcome(::writev(fd, from, n)); }
inline long get_flags(int fd) noexcept { return outcome(::fcntl(fd, F_GETFL)); }
inline long set_flags(int fd, int flags) noexcept { return outcome(::fcntl(fd, F_SETFL, flags)); }
inline long set_close_on_exec(int fd) noexcept { return outcome(::fcntl(fd, F_SETFD, FD_CLOEXEC)); }
inline long duplicate(int fd) noexcept { return outcome(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
inline long pipe(int (&ends)[2], int flags) noexcept { return outcome(::pipe2(ends, flags)); }
inline long event_descriptor(unsigned count, int flags) noexcept { return outcome(::eventfd(count, flags)); }

// Sockets.

inline long receive(int fd, void* to, std::size_t n, int flags) noexcept {
#if WEFT_DIRECT_CALLS
    return transfer_directly(SYS_recvfrom, fd, to, n, flags);
#else
    return outcome(::recv(fd, to, n, flags));
#endif
}
inline long send(int fd, const void* from, std::size_t n, int flags) noexcept {
#if WEFT_DIRECT_CALLS
    return transfer_directly(SYS_sendto, fd, from, n, flags);
#else
    return outcome(::send(fd, from, n, flags));
#endif
}
inline long receive_message(int fd, msghdr* m, int flags) noexcept {
    return outcome(::recvmsg(fd, m, flags));
}
inline long send_message(int fd, const msghdr* m, int flags) noexcept {
    return outcome(::sendmsg(fd, m, flags));
}
inline long socket(int family, int type, int protocol) noexcept {
    return outcome(::socket(family, type, protocol));
}
inline long socket_pair(int family, int type, int (&ends)[2]) noexcept {
    return outcome(::socketpair(family, type, 0, ends));
}
inline long accept(int fd, int flags) noexcept { return outcome(::accept4(fd, nullptr, nullptr, flags)); }
inline long connect(int fd, const void* to, std::size_t n) noexcept {
    return outcome(::connect(fd, static_cast<const sockaddr*>(to), static_cast<socklen_t>(n)));
}
inline long bind(int fd, const void* to, std::size_t n) noexcept {
    return outcome(::bind(fd, static_cast<const sockaddr*>(to), static_cast<socklen_t>(n)));
}
inline long listen(int fd, int backlog) noexcept { return outcome(::listen(fd, backlog)); }
inline long shutdown(int fd, int how) noexcept { return outcome(::shutdown(fd, how)); }
inline long set_option(int fd, int level, int name, const void* value, std::size_t n) noexcept {
    return outcome(::setsockopt(fd, level, name, value, static_cast<socklen_t>(n)));
}
inline long get_option(int fd, int level, int name, void* value, socklen_t& n) noexcept {
    return outcome(::getsockopt(fd, level, name, value, &n));
}
inline long local_address(int fd, void* to, socklen_t& n) noexcept {
    return outcome(::getsockname(fd, static_cast<sockaddr*>(to), &n));
}
inline long peer_address(int fd, void* to, socklen_t& n) noexcept {
    return outcome(::getpeername(fd, static_cast<sockaddr*>(to), &n));
}

// Files.

inline long open(const char* path, int flags, unsigned mode) noexcept {
    return outcome(::openat(AT_FDCWD, path, flags, mode));
}
inline long read_at(int fd, void* to, std::size_t n, std::int64_t at) noexcept {
    return outcome(::pread(fd, to, n, at));
}
inline long write_at(int fd, const void* from, std::size_t n, std::int64_t at) noexcept {
    return outcome(::pwrite(fd, from, n, at));
}
inline long readv_at(int fd, const iovec* to, int n, std::int64_t at) noexcept {
    return outcome(::preadv(fd, to, n, at));
}
inline long writev_at(int fd, const iovec* from, int n, std::int64_t at) noexcept {
    return outcome(::pwritev(fd, from, n, at));
}
inline long sync(int fd) noexcept { return outcome(::fsync(fd)); }
inline long sync_data(int fd) noexcept { return outcome(::fdatasync(fd)); }
inline long truncate(int fd, std::int64_t size) noexcept { return outcome(::ftruncate(fd, size)); }
inline long file_size(int fd) noexcept {
    struct stat s;
    return ::fstat(fd, &s) < 0 ? -static_cast<long>(errno) : static_cast<long>(s.st_size);
}
inline long rename(const char* from, const char* to) noexcept {
    return outcome(::renameat(AT_FDCWD, from, AT_FDCWD, to));
}
inline long unlink(const char* path, int flags) noexcept {
    return outcome(::unlinkat(AT_FDCWD, path, flags));
}
inline long make_directory(const char* path, unsigned mode) noexcept {
    return outcome(::mkdirat(AT_FDCWD, path, mode));
}
inline long read_directory(int fd, void* to, std::size_t n) noexcept {
    return outcome(::syscall(SYS_getdents64, fd, to, n));
}

// Waiting.

inline long epoll_create() noexcept { return outcome(::epoll_create1(EPOLL_CLOEXEC)); }
inline long epoll_control(int ep, int what, int fd, epoll_event& e) noexcept {
    return outcome(::epoll_ctl(ep, what, fd, &e));
}
inline long epoll_wait(int ep, epoll_event* to, int n, int milliseconds) noexcept {
    return outcome(::epoll_wait(ep, to, n, milliseconds));
}
// glibc has no wrapper for it before 2.35, and not every kernel has the call.
inline long epoll_wait_precise(int ep, epoll_event* to, int n, const timespec& wait) noexcept {
#ifdef SYS_epoll_pwait2
    return outcome(::syscall(SYS_epoll_pwait2, ep, to, n, &wait, nullptr, 0));
#else
    return outcome(::syscall(441, ep, to, n, &wait, nullptr, 0));
#endif
}

inline long poll(pollfd* list, unsigned n, int milliseconds) noexcept {
    return outcome(::poll(list, n, milliseconds));
}
// nullptr: without limit.
inline long poll_precise(pollfd* list, std::size_t n, const timespec* wait) noexcept {
    return outcome(::ppoll(list, n, wait, nullptr));
}
inline long select(int n, fd_set& input, fd_set& output, const timespec* wait) noexcept {
    return outcome(::pselect(n, &input, &output, nullptr, wait, nullptr));
}

// Signals.

inline long signal_action(int number, const struct sigaction* to, struct sigaction* old) noexcept {
    return outcome(::sigaction(number, to, old));
}
// A write to a pipe that nobody reads is an error, and no signal. Leaves alone what the program has set up itself.
void ignore_broken_pipes() noexcept;

// The world around.

inline const char* environment(const char* name) noexcept { return ::getenv(name); }
// What the OS calls an error number, given as it is or negative.
const char* describe(long number) noexcept;

} // namespace weft::sys
