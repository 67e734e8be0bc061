// The floor of a TCP echo server on io_uring: multishot accept, multishot receive into a ring of provided buffers, a send
// out of the same buffer, one system call a batch; one thread that is the ring's single issuer. Ends by a signal.
//
//     raw_uring PORT
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr unsigned buffer_count = 8192;
constexpr unsigned buffer_bytes = 2048;
constexpr int buffer_group = 1;

enum kind : std::uint64_t { accepted, received, sent };

io_uring ring;
io_uring_buf_ring* pool;
char* memory;
int given_back = 0;

io_uring_sqe* next_entry(kind k, int fd, unsigned buffer) {
    io_uring_sqe* e = io_uring_get_sqe(&ring);
    while (!e) {
        io_uring_submit(&ring);
        e = io_uring_get_sqe(&ring);
    }
    // The preparation that follows leaves user_data alone.
    io_uring_sqe_set_data64(e, k << 56 | std::uint64_t{buffer} << 32 | static_cast<std::uint32_t>(fd));
    return e;
}

char* at(unsigned buffer) { return memory + std::size_t{buffer} * buffer_bytes; }

void give_back(unsigned buffer) {
    io_uring_buf_ring_add(pool, at(buffer), buffer_bytes, static_cast<std::uint16_t>(buffer),
                          io_uring_buf_ring_mask(buffer_count), given_back++);
}

void accept_from(int listener) {
    io_uring_prep_multishot_accept(next_entry(accepted, listener, 0), listener, nullptr, nullptr, 0);
}

void receive_from(int fd) {
    io_uring_sqe* e = next_entry(received, fd, 0);
    io_uring_prep_recv_multishot(e, fd, nullptr, 0, 0);
    e->flags |= IOSQE_BUFFER_SELECT;
    e->buf_group = buffer_group;
}

void send_to(int fd, unsigned buffer, int bytes) {
    io_uring_prep_send(next_entry(sent, fd, buffer), fd, at(buffer), static_cast<std::size_t>(bytes),
                       MSG_NOSIGNAL | MSG_WAITALL);
}

void complete(const io_uring_cqe& c) {
    int fd = static_cast<int>(static_cast<std::uint32_t>(c.user_data));
    bool more = c.flags & IORING_CQE_F_MORE;
    switch (c.user_data >> 56) {
    case accepted:
        if (c.res >= 0) receive_from(c.res);
        if (!more) accept_from(fd);
        break;
    case received:
        if (c.res > 0) {
            send_to(fd, c.flags >> IORING_CQE_BUFFER_SHIFT, c.res);
            if (!more) receive_from(fd);
        } else if (c.res == -ENOBUFS) {
            receive_from(fd);
        } else {
            if (c.flags & IORING_CQE_F_BUFFER) give_back(c.flags >> IORING_CQE_BUFFER_SHIFT);
            close(fd);
        }
        break;
    case sent: give_back(static_cast<unsigned>(c.user_data >> 32 & 0xffffff)); break;
    }
}

int fail(const char* what, int error) {
    std::fprintf(stderr, "raw_uring: %s: %s\n", what, std::strerror(error));
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: raw_uring PORT\n"), 2;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // accepted sockets inherit it
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address)) return fail("bind", errno);
    if (listen(listener, 4096)) return fail("listen", errno);

    io_uring_params options{};
    options.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    options.cq_entries = 32768;
    if (int e = io_uring_queue_init_params(2048, &ring, &options)) return fail("io_uring", -e);
    io_uring_register_ring_fd(&ring);
    void *p, *m;
    if (posix_memalign(&p, 4096, buffer_count * sizeof(io_uring_buf)) ||
        posix_memalign(&m, 4096, std::size_t{buffer_count} * buffer_bytes))
        return fail("buffers", ENOMEM);
    pool = static_cast<io_uring_buf_ring*>(std::memset(p, 0, buffer_count * sizeof(io_uring_buf)));
    memory = static_cast<char*>(m);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(pool);
    registration.ring_entries = buffer_count;
    registration.bgid = buffer_group;
    if (int e = io_uring_register_buf_ring(&ring, &registration, 0)) return fail("buffer ring", -e);
    io_uring_buf_ring_init(pool);
    for (unsigned i = 0; i < buffer_count; ++i) give_back(i);

    accept_from(listener);
    for (;;) {
        if (given_back) io_uring_buf_ring_advance(pool, std::exchange(given_back, 0));
        int e = io_uring_submit_and_wait(&ring, 1);
        if (e < 0 && e != -EINTR && e != -EBUSY) return fail("io_uring_enter", -e);
        unsigned head, count = 0;
        io_uring_cqe* c;
        io_uring_for_each_cqe(&ring, head, c) {
            complete(*c);
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
}
