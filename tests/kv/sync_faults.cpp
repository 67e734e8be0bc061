// Preloaded into a server: counts its syncs in $WEFT_SYNC_FAULTS.count, one byte each, and lets them fail while there is
// a file $WEFT_SYNC_FAULTS.fail. Through the system's library, and in io_uring's submissions.
#include <cerrno>
#include <cstdlib>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

namespace {

bool fails() {
    const char* prefix = std::getenv("WEFT_SYNC_FAULTS");
    if (!prefix) return false;
    int count =
        ::open((std::string(prefix) + ".count").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    (void)!::write(count, ".", 1);
    ::close(count);
    return ::access((std::string(prefix) + ".fail").c_str(), F_OK) == 0;
}

template <class F> F* original(F*, const char* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

// Of the entries that are about to be submitted.
void spoil_syncs(io_uring& ring) {
    auto& queue = ring.sq;
    for (unsigned at = queue.sqe_head; at != queue.sqe_tail; ++at) {
        io_uring_sqe& entry = queue.sqes[at & *queue.kring_mask];
        if (entry.opcode == IORING_OP_FSYNC && fails()) entry.fd = -1;
    }
}

} // namespace

extern "C" {

int fsync(int fd) {
    static auto* real = original(&fsync, "fsync");
    return fails() ? (errno = EIO, -1) : real(fd);
}
int fdatasync(int fd) {
    static auto* real = original(&fdatasync, "fdatasync");
    return fails() ? (errno = EIO, -1) : real(fd);
}

int io_uring_submit(io_uring* ring) {
    static auto* real = original(&io_uring_submit, "io_uring_submit");
    spoil_syncs(*ring);
    return real(ring);
}
int io_uring_submit_and_get_events(io_uring* ring) {
    static auto* real = original(&io_uring_submit_and_get_events, "io_uring_submit_and_get_events");
    spoil_syncs(*ring);
    return real(ring);
}
int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                     __kernel_timespec* limit, sigset_t* signals) {
    static auto* real = original(&io_uring_submit_and_wait_timeout, "io_uring_submit_and_wait_timeout");
    spoil_syncs(*ring);
    return real(ring, first, count, limit, signals);
}
}
