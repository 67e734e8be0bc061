#include <weft/ports/linux/perform.hpp>

#include <weft/ports/host/backend.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace weft {

// The kernel reads our buffer lists as they are.
static_assert(sizeof(mutable_buffer) == sizeof(iovec) && sizeof(const_buffer) == sizeof(iovec));
static_assert(offsetof(mutable_buffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(mutable_buffer, size) == offsetof(iovec, iov_len));
static_assert(offsetof(const_buffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(const_buffer, size) == offsetof(iovec, iov_len));
static_assert(sizeof(msghdr) <= sizeof(io_message::native) && alignof(msghdr) <= 8);

namespace {

int vector_count(std::size_t n) noexcept { return static_cast<int>(std::min<std::size_t>(n, IOV_MAX)); }

// The socket's own record of a finished connect.
long connect_outcome(int fd) noexcept {
    int problem = 0;
    socklen_t n = sizeof problem;
    if (long r = sys::get_option(fd, SOL_SOCKET, SO_ERROR, &problem, n); r < 0) return r;
    if (problem) return -problem;
    sockaddr_storage peer;
    n = sizeof peer;
    long r = sys::peer_address(fd, &peer, n);
    return r == -ENOTCONN ? -EAGAIN : r;
}

long connect_step(io_operation& op) noexcept {
    if (op.mode) return connect_outcome(descriptor_of(op));
    long r = sys::connect(descriptor_of(op), op.data, op.size);
    if (r != -EINPROGRESS)
        return r == -EAGAIN ? -EBUSY : r; // a full backlog of a Unix socket cannot be waited for
    op.mode = 1;                          // under way
    return -EAGAIN;
}

long poll_now(int fd, short what) noexcept {
    pollfd p{fd, what, 0};
    long n = sys::poll(&p, 1, 0);
    return n == 0 ? -EAGAIN : n < 0 ? n : 0;
}

long receive_leased(io_operation& op) noexcept {
    op.data = nullptr;
    lease_pool* pool = backend_of(*op.owner->home().owner).leases();
    if (!pool) return -ENOMEM;
    std::uint32_t block = pool->take_or_grow();
    if (block == lease_pool::none) {
        long there = poll_now(descriptor_of(op), POLLIN);
        return there < 0 ? there : static_cast<long>(io_operation::beyond_limit);
    }
    long n = sys::receive(descriptor_of(op), pool->at(block), op.size, MSG_DONTWAIT);
    if (n > 0)
        note_lease(op, *pool, block);
    else
        pool->put_back(block);
    return n;
}

} // namespace

void note_lease(io_operation& op, lease_pool& pool, std::uint32_t block) noexcept {
    pool.lend();
    op.data = &pool;
    op.argument = block;
}

int open_flags(const io_operation& op) noexcept {
    static constexpr int access[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY};
    int flags = O_CLOEXEC | access[op.mode & 3];
    if (op.mode & open_bit_append) flags |= O_APPEND;
    if (op.mode & open_bit_create) flags |= O_CREAT;
    if (op.mode & open_bit_truncate) flags |= O_TRUNC;
    if (op.mode & open_bit_exclusive) flags |= O_EXCL;
    if (op.mode & open_bit_sync_data) flags |= O_DSYNC;
    return flags;
}

msghdr& native_message(io_operation& op) noexcept {
    io_message& m = message_of(op);
    auto* h = new (m.native) msghdr{};
    if (m.address) {
        if (op.code == io_code::receive_message) m.address->size = sizeof m.address->bytes;
        h->msg_name = m.address->bytes;
        h->msg_namelen = m.address->size;
    }
    h->msg_iov = static_cast<iovec*>(m.buffers);
    h->msg_iovlen = static_cast<std::size_t>(vector_count(m.buffer_count));
    if (m.handles_size) {
        h->msg_control = m.handles;
        h->msg_controllen = m.handles_size;
    }
    return *h;
}

void settle_message(io_operation& op) noexcept {
    io_message& m = message_of(op);
    auto* h = std::launder(reinterpret_cast<msghdr*>(m.native));
    if (m.address) m.address->size = std::min<std::uint32_t>(h->msg_namelen, sizeof m.address->bytes);
    m.handles_size = h->msg_control ? h->msg_controllen : 0;
    m.truncated = h->msg_flags & MSG_TRUNC;
    m.handles_truncated = h->msg_flags & MSG_CTRUNC;
}

std::int64_t perform(io_operation& op) noexcept {
    int fd = descriptor_of(op);
    switch (op.code) {
    case io_code::read: return sys::read(fd, op.data, transfer_size(op));
    case io_code::write: return sys::write(fd, op.data, transfer_size(op));
    case io_code::read_vector: return sys::readv(fd, vectors_of(op), vector_count(op.size));
    case io_code::write_vector: return sys::writev(fd, vectors_of(op), vector_count(op.size));
    case io_code::receive: return sys::receive(fd, op.data, op.size, MSG_DONTWAIT);
    case io_code::receive_leased: return receive_leased(op);
    case io_code::send: return sys::send(fd, op.data, op.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case io_code::receive_message: {
        long n = sys::receive_message(fd, &native_message(op), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n >= 0) settle_message(op);
        return n;
    }
    case io_code::send_message:
        return sys::send_message(fd, &native_message(op), MSG_DONTWAIT | MSG_NOSIGNAL);
    case io_code::accept: return sys::accept(fd, accept_flags);
    case io_code::connect: return connect_step(op);
    case io_code::readable: return poll_now(fd, POLLIN);
    case io_code::writable: return poll_now(fd, POLLOUT);
    case io_code::read_at:
        return placed(op).offset < 0 ? sys::read(fd, op.data, transfer_size(op))
                                     : sys::read_at(fd, op.data, transfer_size(op), placed(op).offset);
    case io_code::write_at:
        return placed(op).offset < 0 ? sys::write(fd, op.data, transfer_size(op))
                                     : sys::write_at(fd, op.data, transfer_size(op), placed(op).offset);
    case io_code::read_vector_at:
        return placed(op).offset < 0
                   ? sys::readv(fd, vectors_of(op), vector_count(op.size))
                   : sys::readv_at(fd, vectors_of(op), vector_count(op.size), placed(op).offset);
    case io_code::write_vector_at:
        return placed(op).offset < 0
                   ? sys::writev(fd, vectors_of(op), vector_count(op.size))
                   : sys::writev_at(fd, vectors_of(op), vector_count(op.size), placed(op).offset);
    case io_code::sync: return sys::sync(fd);
    case io_code::sync_data: return sys::sync_data(fd);
    case io_code::truncate: return sys::truncate(fd, placed(op).offset);
    case io_code::file_size: return sys::file_size(fd);
    case io_code::open: return sys::open(static_cast<const char*>(op.data), open_flags(op), op.argument);
    case io_code::open_directory:
        return sys::open(static_cast<const char*>(op.data), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    case io_code::read_directory: return sys::read_directory(fd, op.data, op.size);
    case io_code::rename:
        return sys::rename(static_cast<const char*>(op.data), static_cast<const char*>(placed(op).second));
    case io_code::remove: return sys::unlink(static_cast<const char*>(op.data), 0);
    case io_code::remove_directory: return sys::unlink(static_cast<const char*>(op.data), AT_REMOVEDIR);
    case io_code::make_directory: return sys::make_directory(static_cast<const char*>(op.data), op.argument);
    case io_code::close: {
        long r = sys::close(fd);
        return r == -EINTR ? 0 : r; // on Linux the descriptor is gone all the same
    }
    }
    return -EINVAL;
}

} // namespace weft
