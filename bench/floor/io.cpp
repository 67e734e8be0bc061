// The floor of cancelling: pending reads of N sockets are called off, by the kernel's own means and nothing else. Only where
// the kernel holds them: with epoll there is nothing that it must be told.
#include <vector>

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "floor.hpp"

namespace floors {
namespace {

std::vector<int> bound_sockets(std::size_t n) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<int> all(n);
    for (int& fd : all) {
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fd < 0) measure::fail_with_errno("socket");
        if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at)) measure::fail_with_errno("bind");
    }
    return all;
}

} // namespace

void run_cancel(const measure::arguments& a) {
    std::vector<int> sockets = bound_sockets(a[0]);
    std::vector<char> buffers(64 * a[0]);
    io_uring ring;
    io_uring_params options{};
    options.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    options.cq_entries = 32768;
    if (a[0] >= options.cq_entries) measure::fail("cancel: at most 32,767 reads");
    if (int e = io_uring_queue_init_params(2048, &ring, &options))
        errno = -e, measure::fail_with_errno("io_uring");
    for (std::size_t i = 0; i < a[0]; ++i) {
        io_uring_sqe* entry;
        while (!(entry = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
        io_uring_prep_recv(entry, sockets[i], &buffers[64 * i], 64, 0);
        io_uring_sqe_set_data64(entry, i + 1);
    }
    io_uring_submit(&ring);

    measure::begin();
    // One by one: to cancel all with one request takes the kernel longer, as it looks through all of them again for each.
    for (std::size_t i = 0; i < a[0]; ++i) {
        io_uring_sqe* entry;
        while (!(entry = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
        io_uring_prep_cancel64(entry, i + 1, 0);
        io_uring_sqe_set_data64(entry, 0);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    std::size_t cancelled = 0;
    while (cancelled < a[0]) {
        int e = io_uring_submit_and_wait(&ring, 1);
        if (e < 0 && e != -EINTR && e != -EBUSY) errno = -e, measure::fail_with_errno("io_uring_enter");
        unsigned head, count = 0;
        io_uring_cqe* c;
        io_uring_for_each_cqe(&ring, head, c) {
            cancelled += c->user_data != 0 && c->res == -ECANCELED;
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
    measure::end("cancel", a[0]);
}

} // namespace floors
