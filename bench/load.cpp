// Load for a TCP echo server on this machine: N connections with D messages of B bytes in flight on each, one thread.
//
//     bench_load PORT [--connections N] [--depth D] [--bytes B] [--seconds S] [--warm-up S] [--requests N] [--pid P]
//                     [--rate R] [--idle 1]
//
// Runs for a time, or until exactly --requests have come back. Prints one line of JSON: requests, requests a second, the
// percentiles of the time from a message to its reply, and with --pid the server's CPU microseconds a request, by the clock
// of its process; all after the warm-up.
//
// The load is closed: a connection sends again when a reply is whole, and a server that stalls is asked less, so that its
// percentiles look better than they are (coordinated omission). With --rate it is open: R messages a second are due at even
// distances, on the connections in turn, whatever the server does, and a time begins when the message was due. Then the
// client never sleeps, so that none of its own wake-ups are in the figure.
//
// --idle: each connection sends one message, gets its reply, and rests; what the server's memory grew by is printed.
#include <algorithm>
#include <bit>
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

#include "histogram.hpp"
#include "measure.hpp"

namespace {

struct options {
    int port = 0;
    std::size_t connections = 64, depth = 1, bytes = 64;
    double seconds = 1, warm_up = 0.2;
    std::uint64_t requests = 0;
    std::uint64_t rate = 0;
    bool idle = false;
    int pid = 0;
};

// Replies come in the order of the messages: when each of those in flight began.
class in_flight {
  public:
    explicit in_flight(std::size_t most) : times_(std::bit_ceil(most)) {}
    bool full() const { return last_ - first_ == times_.size(); }
    void push(std::uint64_t t) { times_[last_++ & (times_.size() - 1)] = t; }
    std::uint64_t pop() { return times_[first_++ & (times_.size() - 1)]; }

  private:
    std::vector<std::uint64_t> times_;
    std::size_t first_ = 0, last_ = 0;
};

struct connection {
    int fd;
    in_flight waiting;
    std::size_t partial = 0; // bytes of a message that has not come back whole
};

// An open load gives up on a server that has so many messages of one connection still to answer.
constexpr std::size_t most_in_flight = 1024;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "bench_load: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}
[[noreturn]] void misuse(const char* what) {
    std::fprintf(stderr,
                 "bench_load: %s\nusage: bench_load PORT [--connections 1..10000] [--depth 1..1000] "
                 "[--bytes 1..16384] [--seconds 0..60] [--warm-up 0..10] [--requests 1..100000000] "
                 "[--pid P] [--rate 1..1000000] [--idle 1]\n",
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
        else if (name == "--rate")
            o.rate = whole(1e6);
        else if (name == "--idle")
            o.idle = whole(1);
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

long resident_kb(int pid) {
    char path[64], line[256];
    std::snprintf(path, sizeof path, "/proc/%d/status", pid);
    std::FILE* f = std::fopen(path, "r");
    if (!f) fail(path);
    long value = -1;
    while (std::fgets(line, sizeof line, f))
        if (!std::strncmp(line, "VmRSS:", 6)) value = std::atol(line + 6);
    std::fclose(f);
    return value;
}

int rest(const options& o) {
    std::vector<char> message(o.bytes, 'x'), reply(o.bytes);
    std::vector<int> all;
    long before = resident_kb(o.pid);
    for (std::size_t i = 0; i < o.connections; ++i) {
        int fd = all.emplace_back(connect_to(o.port));
        fcntl(fd, F_SETFL, 0);
        if (write(fd, message.data(), o.bytes) != static_cast<ssize_t>(o.bytes)) fail("write");
        if (recv(fd, reply.data(), o.bytes, MSG_WAITALL) != static_cast<ssize_t>(o.bytes)) fail("recv");
    }
    measure::pause(300'000'000); // what a server puts off until it rests
    long after = resident_kb(o.pid);
    std::printf("{\"connections\":%zu,\"bytes\":%.1f}\n", all.size(),
                static_cast<double>(after - before) * 1024 / static_cast<double>(all.size()));
    return 0;
}

class load {
  public:
    explicit load(const options& o) : o_(o), out_(o.depth * o.bytes, 'x'), in_(1 << 16) {
        connections_.reserve(o.connections);
        for (std::size_t i = 0; i < o.connections; ++i) {
            in_flight waiting(o.rate ? most_in_flight : o.depth);
            connection& c = connections_.emplace_back(connection{connect_to(o.port), std::move(waiting)});
            epoll_event e{};
            e.events = EPOLLIN;
            e.data.ptr = &c;
            if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e)) fail("epoll_ctl");
        }
    }

    int run() {
        std::uint64_t start = measure::wall();
        last_reply_ = start;
        std::uint64_t warm_at = start + static_cast<std::uint64_t>(o_.warm_up * 1e9);
        std::uint64_t end_at = warm_at + static_cast<std::uint64_t>(o_.seconds * 1e9);
        std::uint64_t done_when_warm = 0, cpu_when_warm = 0, wall_when_warm = 0;
        if (!o_.rate)
            for (connection& c : connections_) ask(c, o_.depth, start);

        std::vector<epoll_event> events(1024);
        for (;;) {
            int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), o_.rate ? 0 : 100);
            std::uint64_t now = measure::wall();
            if (!wall_when_warm && now >= warm_at) {
                wall_when_warm = now;
                done_when_warm = done_;
                cpu_when_warm = cpu_of(o_.pid);
                latencies_.clear();
            }
            if (o_.requests ? done_ >= o_.requests : now >= end_at && wall_when_warm) break;
            if (now - last_reply_ > 10'000'000'000) {
                std::fprintf(stderr, "bench_load: no reply for 10 s after %llu requests\n",
                             static_cast<unsigned long long>(done_));
                return 1;
            }
            for (int i = 0; i < n; ++i)
                if (!answered(*static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr)))
                    return 1;
            if (o_.rate && !send_what_is_due(now - start, start)) return 1;
        }
        std::uint64_t cpu = cpu_of(o_.pid) - cpu_when_warm, wall = measure::wall() - wall_when_warm;
        auto counted = static_cast<double>(done_ - done_when_warm);
        if (!o_.requests && done_ == done_when_warm) {
            std::fprintf(stderr, "bench_load: no reply after the warm-up\n");
            return 1;
        }
        std::printf(
            "{\"requests\":%llu,\"counted\":%.0f,\"requests_a_second\":%.0f,\"server_cpu_us\":%.4f%s}\n",
            static_cast<unsigned long long>(done_), counted, counted * 1e9 / static_cast<double>(wall),
            counted > 0 ? static_cast<double>(cpu) / 1e3 / counted : 0.0, latencies_.members().c_str());
        return 0;
    }

  private:
    void ask(connection& c, std::size_t messages, std::uint64_t began) {
        if (o_.requests) messages = std::min<std::size_t>(messages, o_.requests - asked_);
        if (!messages) return;
        asked_ += messages;
        for (std::size_t i = 0; i < messages; ++i) c.waiting.push(began);
        std::size_t bytes = messages * o_.bytes;
        // What is in flight is less than a socket's buffer.
        if (write(c.fd, out_.data(), bytes) != static_cast<ssize_t>(bytes)) fail("write");
    }

    bool answered(connection& c) {
        ssize_t got = read(c.fd, in_.data(), in_.size());
        if (got < 0 && errno == EAGAIN) return true;
        if (got < 0) fail("read");
        if (got == 0) {
            std::fprintf(stderr, "bench_load: the server closed a connection\n");
            return false;
        }
        std::uint64_t now = last_reply_ = measure::wall();
        c.partial += static_cast<std::size_t>(got);
        std::size_t whole = c.partial / o_.bytes;
        c.partial %= o_.bytes;
        done_ += whole;
        for (std::size_t i = 0; i < whole; ++i) latencies_.add(now - c.waiting.pop());
        if (whole && !o_.rate) ask(c, whole, now);
        return true;
    }

    bool send_what_is_due(std::uint64_t elapsed, std::uint64_t start) {
        for (; sent_ * 1'000'000'000 / o_.rate <= elapsed; ++sent_) {
            connection& c = connections_[sent_ % connections_.size()];
            if (c.waiting.full()) {
                std::fprintf(stderr, "bench_load: the server does not keep up with %llu messages a second\n",
                             static_cast<unsigned long long>(o_.rate));
                return false;
            }
            ask(c, 1, start + sent_ * 1'000'000'000 / o_.rate);
        }
        return true;
    }

    const options& o_;
    std::vector<char> out_, in_;
    std::vector<connection> connections_;
    int epoll_ = epoll_create1(0);
    std::uint64_t asked_ = 0, done_ = 0, sent_ = 0, last_reply_ = 0;
    measure::histogram latencies_;
};

} // namespace

int main(int argc, char** argv) {
    options o = parse(argc, argv);
    if (o.idle && !o.pid) misuse("--idle needs --pid");
    return o.idle ? rest(o) : load(o).run();
}
