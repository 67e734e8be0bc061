// The floor of a TCP echo server on epoll: a loop around the system calls, level-triggered, one thread, one buffer for all
// connections, no timeouts, no memory a connection. Ends by a signal.
//
//     raw_epoll PORT
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

char buffer[65536];
epoll_event events[512];

int fail(const char* what) {
    std::perror(what);
    return 1;
}

void watch(int epoll, int fd) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

void accept_all(int epoll, int listener) {
    int on = 1;
    for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd);
    }
}

// A peer that does not read holds everybody up, which no benchmark's client does.
bool send_all(int fd, const char* data, ssize_t left) {
    while (left > 0) {
        ssize_t sent = send(fd, data, static_cast<std::size_t>(left), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return false;
            pollfd writable{fd, POLLOUT, 0};
            poll(&writable, 1, -1);
            continue;
        }
        data += sent;
        left -= sent;
    }
    return true;
}

void echo(int fd) {
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || !send_all(fd, buffer, got)) close(fd);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: raw_epoll PORT\n"), 2;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at)) return fail("bind");
    if (listen(listener, 4096)) return fail("listen");
    int epoll = epoll_create1(0);
    if (epoll < 0) return fail("epoll_create1");
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < n; ++i) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}
