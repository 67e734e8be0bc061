// Load for a TCP echo server on this machine: N connections with D messages of B bytes in flight on each, one thread.
//
//     bench_load PORT [--connections N] [--depth D] [--bytes B] [--seconds S] [--warm-up S] [--requests N] [--pid P]
//
// Runs for a time, or until exactly --requests have come back. Prints one line of JSON: requests, requests a second, and
// with --pid the server's CPU microseconds a request, by the clock of its process, both after the warm-up.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.hpp"

namespace {

struct options {
    int port = 0;
    std::size_t connections = 64, depth = 1, bytes = 64;
    double seconds = 1, warm_up = 0.2;
    std::uint64_t requests = 0;
    int pid = 0;
};

struct connection {
    int fd;
    std::size_t partial = 0; // bytes of a message that has not come back whole
};

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "bench_load: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}
[[noreturn]] void misuse(const char* what) {
    std::fprintf(stderr,
                 "bench_load: %s\nusage: bench_load PORT [--connections 1..10000] [--depth 1..1000] "
                 "[--bytes 1..16384] [--seconds 0..60] [--warm-up 0..10] [--requests 1..100000000] "
                 "[--pid P]\n",
                 what);
    std::exit(2);
}

double number(const char* text, double least, double most) {
    char* end;
    double v = std::strtod(text, &end);
    if (end == text || *end || v < least || v > most) misuse(text);
    return v;
}

options parse(int argc, char** argv) {
    options o;
    if (argc < 2 || argc % 2 != 0) misuse("a port, then options with a value each");
    o.port = static_cast<int>(number(argv[1], 1, 65535));
    for (int i = 2; i < argc; i += 2) {
        std::string_view name = argv[i];
        const char* value = argv[i + 1];
        auto whole = [&](double most) { return static_cast<std::size_t>(number(value, 1, most)); };
        if (name == "--connections")
            o.connections = whole(10'000);
        else if (name == "--depth")
            o.depth = whole(1'000);
        else if (name == "--bytes")
            o.bytes = whole(16'384);
        else if (name == "--seconds")
            o.seconds = number(value, 0, 60);
        else if (name == "--warm-up")
            o.warm_up = number(value, 0, 10);
        else if (name == "--requests")
            o.requests = whole(1e8);
        else if (name == "--pid")
            o.pid = static_cast<int>(whole(1e9));
        else
            misuse(argv[i]);
    }
    return o;
}

std::uint64_t cpu_of(int pid) {
    clockid_t clock;
    return pid && clock_getcpuclockid(pid, &clock) == 0 ? measure::read(clock) : 0;
}

int connect_to(int port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0) fail("socket");
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

} // namespace

int main(int argc, char** argv) {
    options o = parse(argc, argv);
    std::vector<char> out(o.depth * o.bytes, 'x'), in(1 << 16);
    std::vector<connection> connections;
    int epoll = epoll_create1(0);
    connections.reserve(o.connections);
    for (std::size_t i = 0; i < o.connections; ++i) {
        connection& c = connections.emplace_back(connection{connect_to(o.port)});
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.ptr = &c;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c.fd, &e)) fail("epoll_ctl");
    }

    std::uint64_t asked = 0, done = 0;
    auto ask = [&](connection& c, std::size_t messages) {
        if (o.requests) messages = std::min<std::size_t>(messages, o.requests - asked);
        if (!messages) return;
        asked += messages;
        std::size_t bytes = messages * o.bytes;
        // What is in flight is less than a socket's buffer.
        if (write(c.fd, out.data(), bytes) != static_cast<ssize_t>(bytes)) fail("write");
    };

    std::uint64_t start = measure::wall(), last_reply = start;
    std::uint64_t warm_at = start + static_cast<std::uint64_t>(o.warm_up * 1e9);
    std::uint64_t end_at = warm_at + static_cast<std::uint64_t>(o.seconds * 1e9);
    std::uint64_t done_when_warm = 0, cpu_when_warm = 0, wall_when_warm = 0;
    for (connection& c : connections) ask(c, o.depth);

    std::vector<epoll_event> events(1024);
    for (;;) {
        int n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
        std::uint64_t now = measure::wall();
        if (!wall_when_warm && now >= warm_at) {
            wall_when_warm = now;
            done_when_warm = done;
            cpu_when_warm = cpu_of(o.pid);
        }
        if (o.requests ? done >= o.requests : now >= end_at && wall_when_warm) break;
        if (now - last_reply > 10'000'000'000) {
            std::fprintf(stderr, "bench_load: no reply for 10 s after %llu requests\n",
                         static_cast<unsigned long long>(done));
            return 1;
        }
        for (int i = 0; i < n; ++i) {
            connection& c = *static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr);
            ssize_t got = read(c.fd, in.data(), in.size());
            if (got < 0 && errno == EAGAIN) continue;
            if (got < 0) fail("read");
            if (got == 0) {
                std::fprintf(stderr, "bench_load: the server closed a connection\n");
                return 1;
            }
            last_reply = now;
            c.partial += static_cast<std::size_t>(got);
            std::size_t whole = c.partial / o.bytes;
            c.partial %= o.bytes;
            done += whole;
            if (whole) ask(c, whole);
        }
    }
    std::uint64_t cpu = cpu_of(o.pid) - cpu_when_warm, wall = measure::wall() - wall_when_warm;
    auto counted = static_cast<double>(done - done_when_warm);
    std::printf("{\"requests\":%llu,\"counted\":%.0f,\"requests_a_second\":%.0f,\"server_cpu_us\":%.4f}\n",
                static_cast<unsigned long long>(done), counted, counted * 1e9 / static_cast<double>(wall),
                counted > 0 ? static_cast<double>(cpu) / 1e3 / counted : 0.0);
}
