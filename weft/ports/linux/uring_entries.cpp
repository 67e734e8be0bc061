// Operations as the kernel takes them, and the buffers that it chooses from.
#include <weft/ports/linux/uring.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace weft {

namespace {

// Of Linux 6.10 (include/uapi/linux/io_uring.h), and not yet in the headers of Debian 12: an accept that waits before it tries,
// and says whether more connections wait.
constexpr std::uint16_t accept_poll_first = 1u << 2; // IORING_ACCEPT_POLL_FIRST

} // namespace

void uring_backend::prepare(io_uring_sqe& sqe, io_operation& op) noexcept {
    int fd = descriptor_of(op);
    auto bytes = static_cast<unsigned>(transfer_size(op));
    auto vectors = static_cast<unsigned>(std::min<std::size_t>(op.size, IOV_MAX));
    int whole = op.flags & io_whole ? MSG_WAITALL : 0;
    auto at = [&] { return static_cast<std::uint64_t>(placed(op).offset); };
    auto* path = static_cast<const char*>(op.data);
    switch (op.code) {
    case io_code::receive:
        sys::prepare_receive(sqe, fd, op.data, bytes, whole);
        if (can_poll_first_ && !op.on->records && known_empty(op)) sqe.ioprio = IORING_RECVSEND_POLL_FIRST;
        return;
    case io_code::receive_leased:
        sys::prepare_receive(sqe, fd, nullptr, 0, 0);
        sqe.flags |= IOSQE_BUFFER_SELECT;
        sqe.buf_group = lease_group;
        if (can_poll_first_ && !op.on->records && known_empty(op)) sqe.ioprio = IORING_RECVSEND_POLL_FIRST;
        return;
    case io_code::send: return sys::prepare_send(sqe, fd, op.data, bytes, MSG_NOSIGNAL | whole);
    case io_code::read: return sys::prepare_read(sqe, fd, op.data, bytes, UINT64_MAX);
    case io_code::write: return sys::prepare_write(sqe, fd, op.data, bytes, UINT64_MAX);
    case io_code::read_vector: return sys::prepare_readv(sqe, fd, vectors_of(op), vectors, UINT64_MAX);
    case io_code::write_vector: return sys::prepare_writev(sqe, fd, vectors_of(op), vectors, UINT64_MAX);
    case io_code::receive_message:
        return sys::prepare_receive_message(sqe, fd, native_message(op), MSG_CMSG_CLOEXEC);
    case io_code::send_message: return sys::prepare_send_message(sqe, fd, native_message(op), MSG_NOSIGNAL);
    case io_code::accept:
        sys::prepare_accept(sqe, fd, accept_flags);
        // To try in vain is dear: the kernel makes a socket and a file first.
        if (can_accept_poll_first_ && known_empty(op)) sqe.ioprio |= accept_poll_first;
        return;
    case io_code::connect: return sys::prepare_connect(sqe, fd, op.data, op.size);
    case io_code::readable: return sys::prepare_poll(sqe, fd, POLLIN);
    case io_code::writable: return sys::prepare_poll(sqe, fd, POLLOUT);
    case io_code::read_at: return sys::prepare_read(sqe, fd, op.data, bytes, at());
    case io_code::write_at: return sys::prepare_write(sqe, fd, op.data, bytes, at());
    case io_code::read_vector_at: return sys::prepare_readv(sqe, fd, vectors_of(op), vectors, at());
    case io_code::write_vector_at: return sys::prepare_writev(sqe, fd, vectors_of(op), vectors, at());
    case io_code::sync: return sys::prepare_sync(sqe, fd, 0);
    case io_code::sync_data: return sys::prepare_sync(sqe, fd, IORING_FSYNC_DATASYNC);
    case io_code::open: return sys::prepare_open(sqe, path, open_flags(op), op.argument);
    case io_code::open_directory: return sys::prepare_open(sqe, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    case io_code::rename: return sys::prepare_rename(sqe, path, static_cast<const char*>(placed(op).second));
    case io_code::remove: return sys::prepare_unlink(sqe, path, 0);
    case io_code::remove_directory: return sys::prepare_unlink(sqe, path, AT_REMOVEDIR);
    case io_code::make_directory: return sys::prepare_make_directory(sqe, path, op.argument);
    case io_code::close: return sys::prepare_close(sqe, fd);
    case io_code::truncate:
    case io_code::file_size:
    case io_code::read_directory: break; // the pool's
    }
    sys::prepare_nop(sqe);
}

// The kernel chooses among the blocks of the pool that are in its ring. Gives it those that are nobody's, and more if it has
// none. False if this kernel cannot do that, or without memory.
bool uring_backend::provide_leases() noexcept {
    if (lease_ring_state_ == ring_state::none) {
        lease_ring_state_ = ring_state::not_to_be_had;
        void* memory = std::aligned_alloc(4096, leased_buffer::limit * sizeof(io_uring_buf));
        if (!memory) return false;
        lease_ring_ = static_cast<io_uring_buf_ring*>(
            std::memset(memory, 0, leased_buffer::limit * sizeof(io_uring_buf)));
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uintptr_t>(lease_ring_);
        registration.ring_entries = leased_buffer::limit;
        registration.bgid = lease_group;
        if (settings_.without_buffer_rings || sys::register_buffers(ring_, registration) != 0) return false;
        sys::begin_buffers(*lease_ring_);
        lease_ring_state_ = ring_state::there;
    }
    lease_pool* pool = lease_ring_state_ == ring_state::there ? leases() : nullptr;
    if (!pool) return false;
    // The kernel takes them in turn, and so touches all of them: no more than are needed.
    int added = 0;
    while (lent_to_kernel_ < leases_wanted_) {
        std::uint32_t block = lent_to_kernel_ ? pool->take() : pool->take_or_grow();
        if (block == lease_pool::none) break;
        sys::add_buffer(*lease_ring_, leased_buffer::limit, pool->at(block), leased_buffer::capacity,
                        static_cast<std::uint16_t>(block), added++);
        ++lent_to_kernel_;
    }
    sys::count_buffers(*lease_ring_, added);
    return true;
}

// Of a completed receive_leased: its outcome, and the block that the kernel has chosen.
std::int64_t uring_backend::take_lease(slot& s) noexcept {
    io_operation& op = *s.op;
    op.data = nullptr;
    if (s.outcome_flags & IORING_CQE_F_BUFFER) {
        std::uint32_t block = s.buffer;
        --lent_to_kernel_;
        if (s.outcome > 0 && !draining_)
            note_lease(op, *leases(), block);
        else
            leases()->put_back(block);
    }
    return s.outcome;
}

} // namespace weft
