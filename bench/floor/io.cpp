// The floors of cancelling: pending reads of N sockets are called off, by the system's own means and nothing else.
#include <vector>

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/epoll.h>
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

void run_cancel_epoll(const measure::arguments& a) {
    std::vector<int> sockets = bound_sockets(a[0]);
    int epoll = epoll_create1(0);
    for (int fd : sockets) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.fd = fd;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) measure::fail_with_errno("epoll_ctl");
    }
    measure::begin();
    for (int fd : sockets)
        if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr)) measure::fail_with_errno("epoll_ctl");
    measure::end("cancel-epoll", a[0]);
}

void run_cancel_uring(const measure::arguments& a) {
    std::vector<int> sockets = bound_sockets(a[0]);
    std::vector<char> buffers(64 * a[0]);
    io_uring ring;
    io_uring_params options{};
    options.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    options.cq_entries = 32768;
    if (a[0] >= options.cq_entries) measure::fail("cancel-uring: at most 32,767 reads");
    if (int e = io_uring_queue_init_params(2048, &ring, &options))
        errno = -e, measure::fail_with_errno("io_uring");
    for (std::size_t i = 0; i < a[0]; ++i) {
        io_uring_sqe* entry;
        while (!(entry = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
        io_uring_prep_recv(entry, sockets[i], &buffers[64 * i], 64, 0);
        io_uring_sqe_set_data64(entry, 1);
    }
    io_uring_submit(&ring);

    measure::begin();
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(entry, 0);
    std::size_t cancelled = 0;
    while (cancelled < a[0]) {
        int e = io_uring_submit_and_wait(&ring, 1);
        if (e < 0 && e != -EINTR && e != -EBUSY) errno = -e, measure::fail_with_errno("io_uring_enter");
        unsigned head, count = 0;
        io_uring_cqe* c;
        io_uring_for_each_cqe(&ring, head, c) {
            cancelled += c->user_data == 1 && c->res == -ECANCELED;
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
    measure::end("cancel-uring", a[0]);
}

} // namespace floors
