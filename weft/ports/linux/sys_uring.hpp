// The door to io_uring: each call of liburing, by a wrapper as those of sys.hpp. What only fills in an entry or looks at the
// rings makes no system call.
#pragma once

#include <liburing.h>

#include <weft/ports/linux/sys.hpp>

namespace weft::sys {

// A ring's life.

inline long make_ring(unsigned entries, io_uring& ring, io_uring_params& p) noexcept {
    return ::io_uring_queue_init_params(entries, &ring, &p);
}
inline void end_ring(io_uring& ring) noexcept { ::io_uring_queue_exit(&ring); }
// liburing 2.3 declares a function for it and leaves it out.
inline long enable_ring(io_uring& ring) noexcept {
    return outcome(::syscall(__NR_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
}
// One look-up less for each system call.
inline long register_ring(io_uring& ring) noexcept { return ::io_uring_register_ring_fd(&ring); }

inline io_uring_probe* probe_ring(io_uring& ring) noexcept { return ::io_uring_get_probe_ring(&ring); }
inline bool supports(io_uring_probe& probe, int operation) noexcept {
    return ::io_uring_opcode_supported(&probe, operation);
}
inline void end_probe(io_uring_probe& probe) noexcept { ::io_uring_free_probe(&probe); }

// Handing in, and waiting. Without a timeout there is no limit.

inline io_uring_sqe* next_entry(io_uring& ring) noexcept { return ::io_uring_get_sqe(&ring); }
inline unsigned entries_collected(const io_uring& ring) noexcept { return ::io_uring_sq_ready(&ring); }
inline long submit(io_uring& ring) noexcept { return ::io_uring_submit(&ring); }
inline long submit_and_wait(io_uring& ring) noexcept { return ::io_uring_submit_and_wait(&ring, 1); }
inline long submit_and_wait(io_uring& ring, __kernel_timespec* timeout) noexcept {
    io_uring_cqe* first;
    return ::io_uring_submit_and_wait_timeout(&ring, &first, 1, timeout, nullptr);
}
inline long submit_and_take(io_uring& ring) noexcept { return ::io_uring_submit_and_get_events(&ring); }

// Completions.

inline unsigned completions(const io_uring& ring) noexcept { return ::io_uring_cq_ready(&ring); }
inline bool overflowed(io_uring& ring) noexcept { return ::io_uring_cq_has_overflow(&ring); }
inline long take_overflow(io_uring& ring) noexcept { return ::io_uring_get_events(&ring); }
// The kernel has something to hand over, though nothing is in the ring yet.
inline bool has_work_to_hand_over(io_uring& ring) noexcept {
    return IO_URING_READ_ONCE(*ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}
// Calls f with each completion that is there, and gives their places back.
template <class F> inline void for_each_completion(io_uring& ring, F&& f) noexcept {
    unsigned head;
    unsigned seen = 0;
    io_uring_cqe* c;
    io_uring_for_each_cqe(&ring, head, c) {
        ++seen;
        f(*c);
    }
    ::io_uring_cq_advance(&ring, seen);
}

// Rings of buffers that the kernel chooses from.

inline long register_buffers(io_uring& ring, io_uring_buf_reg& registration) noexcept {
    return ::io_uring_register_buf_ring(&ring, &registration, 0);
}
inline void begin_buffers(io_uring_buf_ring& buffers) noexcept { ::io_uring_buf_ring_init(&buffers); }
// Number `index` of those that are added before they count; `most` are in the ring at once.
inline void add_buffer(io_uring_buf_ring& buffers, std::uint32_t most, void* at, unsigned bytes,
                       std::uint16_t name, int index) noexcept {
    ::io_uring_buf_ring_add(&buffers, at, bytes, name, ::io_uring_buf_ring_mask(most), index);
}
inline void count_buffers(io_uring_buf_ring& buffers, int added) noexcept {
    ::io_uring_buf_ring_advance(&buffers, added);
}

// Entries. An `at` of UINT64_MAX is the file's own position.

inline void mark(io_uring_sqe& e, std::uint64_t with) noexcept { ::io_uring_sqe_set_data64(&e, with); }
inline void prepare_nop(io_uring_sqe& e) noexcept { ::io_uring_prep_nop(&e); }
inline void prepare_cancel(io_uring_sqe& e, std::uint64_t marked) noexcept {
    ::io_uring_prep_cancel64(&e, marked, 0);
}
inline void prepare_poll(io_uring_sqe& e, int fd, unsigned what) noexcept {
    ::io_uring_prep_poll_add(&e, fd, what);
}
inline void prepare_polls(io_uring_sqe& e, int fd, unsigned what) noexcept {
    ::io_uring_prep_poll_multishot(&e, fd, what);
}
inline void prepare_receive(io_uring_sqe& e, int fd, void* to, std::size_t n, int flags) noexcept {
    ::io_uring_prep_recv(&e, fd, to, n, flags);
}
inline void prepare_send(io_uring_sqe& e, int fd, const void* from, std::size_t n, int flags) noexcept {
    ::io_uring_prep_send(&e, fd, from, n, flags);
}
inline void prepare_receive_message(io_uring_sqe& e, int fd, msghdr& m, unsigned flags) noexcept {
    ::io_uring_prep_recvmsg(&e, fd, &m, flags);
}
inline void prepare_send_message(io_uring_sqe& e, int fd, const msghdr& m, unsigned flags) noexcept {
    ::io_uring_prep_sendmsg(&e, fd, &m, flags);
}
inline void prepare_accept(io_uring_sqe& e, int fd, int flags) noexcept {
    ::io_uring_prep_accept(&e, fd, nullptr, nullptr, flags);
}
inline void prepare_connect(io_uring_sqe& e, int fd, const void* to, std::size_t n) noexcept {
    ::io_uring_prep_connect(&e, fd, static_cast<const sockaddr*>(to), static_cast<socklen_t>(n));
}
inline void prepare_read(io_uring_sqe& e, int fd, void* to, unsigned n, std::uint64_t at) noexcept {
    ::io_uring_prep_read(&e, fd, to, n, at);
}
inline void prepare_write(io_uring_sqe& e, int fd, const void* from, unsigned n, std::uint64_t at) noexcept {
    ::io_uring_prep_write(&e, fd, from, n, at);
}
inline void prepare_readv(io_uring_sqe& e, int fd, const iovec* to, unsigned n, std::uint64_t at) noexcept {
    ::io_uring_prep_readv(&e, fd, to, n, at);
}
inline void prepare_writev(io_uring_sqe& e, int fd, const iovec* from, unsigned n,
                           std::uint64_t at) noexcept {
    ::io_uring_prep_writev(&e, fd, from, n, at);
}
inline void prepare_sync(io_uring_sqe& e, int fd, unsigned flags) noexcept {
    ::io_uring_prep_fsync(&e, fd, flags);
}
inline void prepare_open(io_uring_sqe& e, const char* path, int flags, unsigned mode) noexcept {
    ::io_uring_prep_openat(&e, AT_FDCWD, path, flags, mode);
}
inline void prepare_rename(io_uring_sqe& e, const char* from, const char* to) noexcept {
    ::io_uring_prep_renameat(&e, AT_FDCWD, from, AT_FDCWD, to, 0);
}
inline void prepare_unlink(io_uring_sqe& e, const char* path, int flags) noexcept {
    ::io_uring_prep_unlinkat(&e, AT_FDCWD, path, flags);
}
inline void prepare_make_directory(io_uring_sqe& e, const char* path, unsigned mode) noexcept {
    ::io_uring_prep_mkdirat(&e, AT_FDCWD, path, mode);
}
inline void prepare_close(io_uring_sqe& e, int fd) noexcept { ::io_uring_prep_close(&e, fd); }

} // namespace weft::sys
