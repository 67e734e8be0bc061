#include <weft/ports/linux/uring.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include <weft/core/machine/timer_wheel.hpp>
#include <weft/ports/linux/perform.hpp>

namespace weft {

namespace {

// io_operation::state
enum : std::uint8_t { at_rest, behind, listed, in_kernel, in_pool };

// The low half of a mark holds the slot's index and whose answer it is.
constexpr std::uint32_t cancel_bit = 1u << 31;
// liburing keeps UINT64_MAX for itself.
constexpr std::uint64_t bell_mark = UINT64_MAX - 1;
constexpr std::uint16_t lease_group = 1;
// Of Linux 6.10 (include/uapi/linux/io_uring.h), and not yet in the headers of Debian 12: an accept that waits before it tries,
// and says whether more connections wait. The feature is another of that release, for want of one that tells of these.
constexpr std::uint16_t accept_poll_first = 1u << 2; // IORING_ACCEPT_POLL_FIRST
constexpr unsigned feature_of_6_10 = 1u << 14;       // IORING_FEAT_RECVSEND_BUNDLE

// IORING_OP_* that weft hands to the kernel.
constexpr int needed[] = {
    IORING_OP_READ,     IORING_OP_WRITE,   IORING_OP_READV,   IORING_OP_WRITEV,       IORING_OP_RECV,
    IORING_OP_SEND,     IORING_OP_RECVMSG, IORING_OP_SENDMSG, IORING_OP_ACCEPT,       IORING_OP_CONNECT,
    IORING_OP_POLL_ADD, IORING_OP_FSYNC,   IORING_OP_OPENAT,  IORING_OP_RENAMEAT,     IORING_OP_UNLINKAT,
    IORING_OP_MKDIRAT,  IORING_OP_CLOSE,   IORING_OP_NOP,     IORING_OP_ASYNC_CANCEL,
};

// From the best to what every kernel with the needed operations has.
constexpr unsigned flavours[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    0,
};

long make_ring(io_uring& ring, const uring_settings& settings) noexcept {
    long r = -EINVAL;
    for (std::size_t i = settings.flavour; i < std::size(flavours); ++i) {
        io_uring_params p{};
        // Disabled until its home thread turns it on, and so becomes the one issuer.
        p.flags = flavours[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        p.cq_entries = settings.completion_entries;
        r = ::io_uring_queue_init_params(settings.submission_entries, &ring, &p);
        if (r != -EINVAL) break;
    }
    return r;
}

bool knows_operations(io_uring& ring) noexcept {
    io_uring_probe* probe = ::io_uring_get_probe_ring(&ring);
    if (!probe) return false;
    bool all = true;
    for (int op : needed) all = all && ::io_uring_opcode_supported(probe, op);
    ::io_uring_free_probe(probe);
    return all;
}

// A filter may allow a ring to be made and deny its use, so one goes all the way once. 0 or an error number, negative.
long try_one_operation() noexcept {
    io_uring ring{};
    if (int r = ::io_uring_queue_init(2, &ring, 0); r < 0) return r;
    long r = 0;
    if (io_uring_sqe* sqe = ::io_uring_get_sqe(&ring)) {
        ::io_uring_prep_nop(sqe);
        r = ::io_uring_submit_and_wait(&ring, 1);
    }
    ::io_uring_queue_exit(&ring);
    return r < 0 && r != -EINTR ? r : 0;
}

// One thread at a time, and until it has worked once: otherwise a ring may come to lie where another thread's trial has
// just been, and race detectors take the two for one memory.
std::mutex trial;
bool went_all_the_way = false;

} // namespace

result<std::unique_ptr<backend>> uring_backend::make(thread_pool* pool, const char*& reason,
                                                     const uring_settings& settings) {
    {
        std::lock_guard held(trial);
        if (long r = went_all_the_way ? 0 : try_one_operation(); r < 0) {
            reason = sys::describe(r);
            return failure(sys::error_from(r));
        }
        went_all_the_way = true;
    }
    io_uring ring{};
    if (long r = make_ring(ring, settings); r < 0) {
        reason = sys::describe(r);
        return failure(sys::error_from(r));
    }
    // No completion is dropped; a wait takes its timeout along; what a submission points to may go after it; and polls
    // with several shots (they came with the last of these features, in 5.13).
    constexpr unsigned features = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE |
                                  IORING_FEAT_FAST_POLL | IORING_FEAT_RSRC_TAGS;
    if ((ring.features & features) != features || !knows_operations(ring)) {
        ::io_uring_queue_exit(&ring);
        reason = "the kernel's io_uring lacks operations";
        return failure(errc::not_supported);
    }
    long bell = sys::event_descriptor(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) {
        ::io_uring_queue_exit(&ring);
        reason = sys::describe(bell);
        return failure(sys::error_from(bell));
    }
    reason = ring.flags & IORING_SETUP_DEFER_TASKRUN ? "the kernel allows it"
                                                     : "the kernel allows it, without deferred task runs";
    return std::unique_ptr<backend>(new uring_backend(ring, static_cast<int>(bell), pool, settings));
}

uring_backend::uring_backend(const io_uring& ring, int bell, thread_pool* pool,
                             const uring_settings& settings) noexcept
    : ring_(ring), settings_(settings), bell_(bell), can_poll_first_(ring.flags & IORING_SETUP_DEFER_TASKRUN),
      can_accept_poll_first_(can_poll_first_ && (ring.features & feature_of_6_10) &&
                             !settings.without_accept_poll_first),
      pooled_(pool, *this) {}

uring_backend::~uring_backend() {
    drain();
    pooled_.await_all();
    ::io_uring_queue_exit(&ring_);
    std::free(lease_ring_);
    sys::close(bell_);
    std::free(slots_);
    std::free(lanes_);
}

// Nothing that the kernel may still write to is given up before the kernel has said its last word about it.
void uring_backend::drain() noexcept {
    draining_ = true;
    while (listed_) {
        io_operation& op = *listed_;
        unlist(op);
        op.outcome = io_operation::stopped;
        complete(op);
    }
    for (std::uint32_t i = 0; i < slot_count_; ++i)
        if (slots_[i].op && !slots_[i].cancelled) send_cancel(i);
    for (unsigned spins = 0; in_kernel_ != 0; ++spins) {
        poll(port::now() + 10'000'000);
        port::relax(spins);
    }
}

void uring_backend::bind() noexcept {
    bound_ = true;
    if (sys::enable_ring(ring_.ring_fd) < 0) port::panic("an io_uring could not be turned on");
    // One look-up less for each system call; where it is not to be had, nothing is lost.
    (void)::io_uring_register_ring_fd(&ring_);
}

int uring_backend::submit_collected() noexcept {
    if (settings_.failing_submits && *settings_.failing_submits > 0) {
        --*settings_.failing_submits;
        return -EAGAIN;
    }
    return ::io_uring_submit(&ring_);
}

// An empty entry; nullptr if the queue is full and the kernel takes none now.
io_uring_sqe* uring_backend::entry() noexcept {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    if (sqe) [[likely]]
        return sqe;
    submit_collected();
    return ::io_uring_get_sqe(&ring_);
}

// Memory that is not touched yet costs nothing.
bool uring_backend::make_room_for_slots() noexcept {
    if (slot_room_ >= settings_.slot_limit) return false;
    std::uint32_t wanted = std::min(slot_room_ ? slot_room_ * 2 : 128, settings_.slot_limit);
    auto* grown = static_cast<slot*>(std::realloc(static_cast<void*>(slots_), wanted * sizeof(slot)));
    if (!grown) return false;
    slots_ = grown;
    slot_room_ = wanted;
    return true;
}

uring_backend::slot* uring_backend::take_slot() noexcept {
    std::uint32_t index = free_;
    if (index != none) [[likely]] {
        free_ = slots_[index].next;
    } else {
        if (slot_count_ == slot_room_ && !make_room_for_slots()) return nullptr;
        index = slot_count_++;
        slots_[index] = slot{};
    }
    slot& s = slots_[index];
    s.expects = 0;
    s.cancelled = false;
    s.polling = false;
    ++in_kernel_;
    return &s;
}

void uring_backend::free_slot(slot& s) noexcept {
    ++s.generation;
    s.op = nullptr;
    s.next = free_;
    free_ = index_of(s);
    --in_kernel_;
}

void uring_backend::enlist(io_operation& op) noexcept {
    op.state = listed;
    op.next = nullptr;
    op.previous = last_listed_;
    (last_listed_ ? last_listed_->next : listed_) = &op;
    last_listed_ = &op;
}

void uring_backend::unlist(io_operation& op) noexcept {
    io_operation* next = op.next;
    io_operation* previous = op.previous;
    (previous ? previous->next : listed_) = next;
    (next ? next->previous : last_listed_) = previous;
}

// True: the kernel's queue has it. False: it has to wait for room.
bool uring_backend::start(io_operation& op) noexcept {
    slot* s = take_slot();
    if (!s) return false;
    s->op = &op;
    // Where the kernel cannot choose a buffer when there is something to put into it, it tells when there is.
    if (op.code == io_code::receive_leased) s->polling = !provide_leases();
    if (!enter_kernel(*s)) {
        free_slot(*s);
        return false;
    }
    op.state = in_kernel;
    op.number = index_of(*s);
    return true;
}

bool uring_backend::enter_kernel(slot& s) noexcept {
    io_uring_sqe* sqe = entry();
    if (!sqe) return false;
    if (s.polling)
        ::io_uring_prep_poll_add(sqe, descriptor_of(*s.op),
                                 side_of(s.op->code) == io_side::input ? POLLIN : POLLOUT);
    else
        prepare(*sqe, *s.op);
    ::io_uring_sqe_set_data64(sqe, mark_of(s));
    s.expects = (s.expects | completion) & 3;
    return true;
}

void uring_backend::prepare(io_uring_sqe& sqe, io_operation& op) noexcept {
    int fd = descriptor_of(op);
    auto bytes = static_cast<unsigned>(transfer_size(op));
    auto vectors = static_cast<unsigned>(std::min<std::size_t>(op.size, IOV_MAX));
    int whole = op.flags & io_whole ? MSG_WAITALL : 0;
    auto at = [&] { return static_cast<std::uint64_t>(placed(op).offset); };
    auto* path = static_cast<const char*>(op.data);
    switch (op.code) {
    case io_code::receive:
        ::io_uring_prep_recv(&sqe, fd, op.data, bytes, whole);
        if (can_poll_first_ && !op.on->records && known_empty(op)) sqe.ioprio = IORING_RECVSEND_POLL_FIRST;
        return;
    case io_code::receive_leased:
        ::io_uring_prep_recv(&sqe, fd, nullptr, 0, 0);
        sqe.flags |= IOSQE_BUFFER_SELECT;
        sqe.buf_group = lease_group;
        if (can_poll_first_ && !op.on->records && known_empty(op)) sqe.ioprio = IORING_RECVSEND_POLL_FIRST;
        return;
    case io_code::send: return ::io_uring_prep_send(&sqe, fd, op.data, bytes, MSG_NOSIGNAL | whole);
    case io_code::read: return ::io_uring_prep_read(&sqe, fd, op.data, bytes, UINT64_MAX);
    case io_code::write: return ::io_uring_prep_write(&sqe, fd, op.data, bytes, UINT64_MAX);
    case io_code::read_vector: return ::io_uring_prep_readv(&sqe, fd, vectors_of(op), vectors, UINT64_MAX);
    case io_code::write_vector: return ::io_uring_prep_writev(&sqe, fd, vectors_of(op), vectors, UINT64_MAX);
    case io_code::receive_message:
        return ::io_uring_prep_recvmsg(&sqe, fd, &native_message(op), MSG_CMSG_CLOEXEC);
    case io_code::send_message: return ::io_uring_prep_sendmsg(&sqe, fd, &native_message(op), MSG_NOSIGNAL);
    case io_code::accept:
        ::io_uring_prep_accept(&sqe, fd, nullptr, nullptr, accept_flags);
        // To try in vain is dear: the kernel makes a socket and a file first.
        if (can_accept_poll_first_ && known_empty(op)) sqe.ioprio |= accept_poll_first;
        return;
    case io_code::connect:
        return ::io_uring_prep_connect(&sqe, fd, static_cast<const sockaddr*>(op.data),
                                       static_cast<socklen_t>(op.size));
    case io_code::readable: return ::io_uring_prep_poll_add(&sqe, fd, POLLIN);
    case io_code::writable: return ::io_uring_prep_poll_add(&sqe, fd, POLLOUT);
    case io_code::read_at: return ::io_uring_prep_read(&sqe, fd, op.data, bytes, at());
    case io_code::write_at: return ::io_uring_prep_write(&sqe, fd, op.data, bytes, at());
    case io_code::read_vector_at: return ::io_uring_prep_readv(&sqe, fd, vectors_of(op), vectors, at());
    case io_code::write_vector_at: return ::io_uring_prep_writev(&sqe, fd, vectors_of(op), vectors, at());
    case io_code::sync: return ::io_uring_prep_fsync(&sqe, fd, 0);
    case io_code::sync_data: return ::io_uring_prep_fsync(&sqe, fd, IORING_FSYNC_DATASYNC);
    case io_code::open: return ::io_uring_prep_openat(&sqe, AT_FDCWD, path, open_flags(op), op.argument);
    case io_code::open_directory:
        return ::io_uring_prep_openat(&sqe, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    case io_code::rename:
        return ::io_uring_prep_renameat(&sqe, AT_FDCWD, path, AT_FDCWD,
                                        static_cast<const char*>(placed(op).second), 0);
    case io_code::remove: return ::io_uring_prep_unlinkat(&sqe, AT_FDCWD, path, 0);
    case io_code::remove_directory: return ::io_uring_prep_unlinkat(&sqe, AT_FDCWD, path, AT_REMOVEDIR);
    case io_code::make_directory: return ::io_uring_prep_mkdirat(&sqe, AT_FDCWD, path, op.argument);
    case io_code::close: return ::io_uring_prep_close(&sqe, fd);
    case io_code::truncate:
    case io_code::file_size:
    case io_code::read_directory: break; // the pool's
    }
    ::io_uring_prep_nop(&sqe);
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
        if (settings_.without_buffer_rings || ::io_uring_register_buf_ring(&ring_, &registration, 0) != 0)
            return false;
        ::io_uring_buf_ring_init(lease_ring_);
        lease_ring_state_ = ring_state::there;
    }
    lease_pool* pool = lease_ring_state_ == ring_state::there ? leases() : nullptr;
    if (!pool) return false;
    // The kernel takes them in turn, and so touches all of them: no more than are needed.
    int added = 0;
    while (lent_to_kernel_ < leases_wanted_) {
        std::uint32_t block = lent_to_kernel_ ? pool->take() : pool->take_or_grow();
        if (block == lease_pool::none) break;
        ::io_uring_buf_ring_add(lease_ring_, pool->at(block), leased_buffer::capacity,
                                static_cast<std::uint16_t>(block),
                                ::io_uring_buf_ring_mask(leased_buffer::limit), added++);
        ++lent_to_kernel_;
    }
    ::io_uring_buf_ring_advance(lease_ring_, added);
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

// nullptr without memory.
uring_backend::lane* uring_backend::lane_of(int fd, io_side side) noexcept {
    std::size_t index = static_cast<std::size_t>(fd) * 2 + static_cast<std::size_t>(side);
    if (index >= lane_count_) [[unlikely]] {
        if (index >= lane_room_) {
            std::size_t wanted = lane_room_ ? lane_room_ : 128;
            while (wanted <= index) wanted *= 2;
            auto* grown = static_cast<lane*>(std::realloc(static_cast<void*>(lanes_), wanted * sizeof(lane)));
            if (!grown) return nullptr;
            lanes_ = grown;
            lane_room_ = wanted;
        }
        while (lane_count_ <= index) lanes_[lane_count_++] = lane{};
    }
    return &lanes_[index];
}

void uring_backend::launch(io_operation& op) noexcept {
    if (listed_ || !start(op)) enlist(op);
}

// The next in the lane goes.
inline void uring_backend::leave_lane(io_operation& op, io_side side) noexcept {
    lane& l = *lane_of(descriptor_of(op), side);
    if (l.last() == &op) {
        l.set_last(nullptr);
    } else {
        l.last()->spare = op.spare;
        launch(*static_cast<io_operation*>(op.spare));
    }
}

bool uring_backend::submit(io_operation& op) noexcept {
    if (!bound_) bind();
    io_side side = side_of(op.code);
    if (side == io_side::pool) {
        switch (op.code) {
        case io_code::truncate: // the kernel's rings have no such operation, or not yet
        case io_code::file_size:
        case io_code::read_directory:
            if (!pooled_.submit(op)) return false;
            op.state = in_pool;
            break;
        default: launch(op);
        }
        ++in_flight_;
        return true;
    }
    lane* l = descriptor_of(op) < 0 ? nullptr : lane_of(descriptor_of(op), side);
    if (!l) [[unlikely]] {
        op.outcome = descriptor_of(op) < 0 ? -EBADF : -ENOMEM;
        return false;
    }
    ++in_flight_;
    op.spare = &op;
    io_operation* last = l->last();
    l->set_last(&op);
    if (last) {
        op.state = behind;
        op.spare = std::exchange(last->spare, &op);
        return true;
    }
    launch(op);
    return true;
}

void uring_backend::start_listed() noexcept {
    while (cancels_ != none) {
        std::uint32_t index = cancels_;
        std::uint32_t rest = slots_[index].next;
        cancels_ = none;
        send_cancel(index);
        if (cancels_ != none) { // no room again
            slots_[index].next = rest;
            break;
        }
        cancels_ = rest;
    }
    while (listed_) {
        io_operation& op = *listed_;
        unlist(op);
        if (start(op)) continue;
        // Back to the front.
        op.state = listed;
        op.previous = nullptr;
        op.next = listed_;
        (listed_ ? listed_->previous : last_listed_) = &op;
        listed_ = &op;
        return;
    }
}

void uring_backend::cancel(io_operation& op) noexcept {
    if (op.code == io_code::close) return;
    switch (op.state) {
    case behind: {
        lane& l = *lane_of(descriptor_of(op), side_of(op.code));
        io_operation* previous = l.last();
        while (previous->spare != &op) previous = static_cast<io_operation*>(previous->spare);
        previous->spare = op.spare;
        if (l.last() == &op) l.set_last(previous);
        op.outcome = io_operation::stopped;
        op.state = at_rest;
        --in_flight_;
        deliver(op);
        break;
    }
    case listed:
        unlist(op);
        op.outcome = io_operation::stopped;
        complete(op);
        break;
    case in_kernel: send_cancel(static_cast<std::uint32_t>(op.number)); break;
    case in_pool:
        if (pooled_.cancel(op)) complete(op);
        break;
    default: break;
    }
}

// The operation ends when both its own completion and the cancel's answer have come.
void uring_backend::send_cancel(std::uint32_t index) noexcept {
    slot& s = slots_[index];
    s.cancelled = true;
    s.expects = (s.expects | cancel_answer) & 3; // also while the cancel waits for room
    io_uring_sqe* sqe = entry();
    if (!sqe) {
        s.next = cancels_;
        cancels_ = index;
        return;
    }
    ::io_uring_prep_cancel64(sqe, mark_of(s), 0);
    ::io_uring_sqe_set_data64(sqe, mark_of(s) | cancel_bit);
}

void uring_backend::complete(io_operation& op) noexcept {
    op.state = at_rest;
    --in_flight_;
    if (draining_) [[unlikely]]
        return;
    if (io_side side = side_of(op.code); side != io_side::pool) leave_lane(op, side);
    deliver(op);
}

void uring_backend::take_from_pool() noexcept {
    io_operation* op = pooled_.take_finished();
    while (op) {
        io_operation* next = pooled_operations::next(*op);
        complete(*op);
        op = next;
    }
}

void uring_backend::on_completion(const io_uring_cqe& c) noexcept {
    if (c.user_data == bell_mark) {
        if (!(c.flags & IORING_CQE_F_MORE)) bell_armed_ = false;
        return;
    }
    auto low = static_cast<std::uint32_t>(c.user_data);
    std::uint32_t index = low & ~cancel_bit;
    auto which = low & cancel_bit ? cancel_answer : completion;
    if (index >= slot_count_ || slots_[index].generation != c.user_data >> 32 || !slots_[index].op ||
        !(slots_[index].expects & which)) {
        ++stale_;
        return;
    }
    slot& s = slots_[index];
    s.expects = (s.expects & ~which) & 3;
    if (which == completion) {
        s.outcome = c.res;
        s.outcome_flags = static_cast<std::uint8_t>(c.flags & 0xff);
        s.buffer = static_cast<std::uint16_t>(c.flags >> IORING_CQE_BUFFER_SHIFT);
    }
    if (s.expects == 0) settle(s);
}

// What a success says about the next operation on its descriptor.
void uring_backend::guess(const slot& s, std::int64_t outcome) noexcept {
    const io_operation& op = *s.op;
    bool receives = op.code == io_code::receive || op.code == io_code::receive_leased;
    if ((receives && outcome > 0) || (op.code == io_code::accept && can_accept_poll_first_))
        lane_of(descriptor_of(op), io_side::input)
            ->guess_empty(!(s.outcome_flags & IORING_CQE_F_SOCK_NONEMPTY));
    // Of a new connection nothing is known, whatever its number was before.
    if (op.code == io_code::accept || op.code == io_code::connect) {
        int fd = op.code == io_code::accept ? static_cast<int>(outcome) : descriptor_of(op);
        if (lane* l = lane_of(fd, io_side::input)) l->guess_empty(false);
    }
}

// Everything that was expected has come: the operation has ended, or goes back for the rest.
void uring_backend::settle(slot& s) noexcept {
    io_operation& op = *s.op;
    std::int64_t outcome = s.outcome;
    bool again;
    if (op.code == io_code::receive_leased && !s.polling) outcome = take_lease(s);
    if (s.cancelled && (outcome == -ECANCELED || outcome == -EINTR || s.polling)) {
        op.outcome = io_operation::stopped;
        again = false;
    } else if (s.polling && op.code == io_code::receive_leased && outcome >= 0) {
        outcome = perform(op);
        again = outcome == -EAGAIN || outcome == -EINTR;
        if (!again) op.outcome = outcome;
    } else if (s.polling) {
        s.polling = false;
        again = true;
    } else if (outcome == -EINTR) {
        again = true;
    } else if (outcome == -ENOBUFS && op.code == io_code::receive_leased) {
        // It chooses before it knows that something has come. With nothing to choose from it only waits for that.
        if (lent_to_kernel_ == 0) leases_wanted_ = std::min(leases_wanted_ * 2, leased_buffer::limit);
        provide_leases();
        s.polling = lent_to_kernel_ == 0;
        again = !s.cancelled;
        if (!again) op.outcome = io_operation::stopped;
    } else if (outcome == -EAGAIN && side_of(op.code) != io_side::pool) {
        // A descriptor in non-blocking mode on a kernel that takes it at its word.
        if (s.cancelled) op.outcome = io_operation::stopped;
        again = s.polling = !s.cancelled;
    } else {
        if (outcome >= 0) {
            if (op.code == io_code::receive_message)
                settle_message(op);
            else if (op.code == io_code::readable || op.code == io_code::writable)
                outcome = 0;
            else if (side_of(op.code) != io_side::pool)
                guess(s, outcome);
        }
        again = goes_on(op, outcome);
        if (again && s.cancelled) {
            op.outcome = io_operation::stopped;
            again = false;
        }
    }
    if (!again) {
        free_slot(s);
        complete(op);
    } else if (!enter_kernel(s)) {
        s.polling = false; // tried anew as a whole when there is room
        free_slot(s);
        enlist(op);
    }
}

void uring_backend::reap() noexcept {
    unsigned head;
    unsigned seen = 0;
    io_uring_cqe* c;
    io_uring_for_each_cqe(&ring_, head, c) {
        ++seen;
        on_completion(*c);
    }
    ::io_uring_cq_advance(&ring_, seen);
}

void uring_backend::wait(std::int64_t deadline) noexcept {
    bool fails = settings_.failing_submits && *settings_.failing_submits > 0 && ::io_uring_sq_ready(&ring_);
    if (fails) {
        submit_collected();
        return;
    }
    if (deadline == 0) {
        unsigned kernel_says = IO_URING_READ_ONCE(*ring_.sq.kflags);
        if (::io_uring_sq_ready(&ring_) || (kernel_says & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
            ::io_uring_submit_and_get_events(&ring_);
        return;
    }
    io_uring_cqe* first;
    if (deadline == timer_wheel::never) {
        ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, nullptr, nullptr);
        return;
    }
    std::int64_t left = std::max<std::int64_t>(deadline - port::now(), 0);
    // Lives as long as the call: the timeout travels with the wait and is no operation of its own.
    __kernel_timespec t{left / 1'000'000'000, left % 1'000'000'000};
    ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &t, nullptr);
}

void uring_backend::poll(std::int64_t deadline) noexcept {
    if (!bound_) bind();
    if (!bell_armed_) {
        if (io_uring_sqe* sqe = entry()) {
            // Many shots, one for each ring(), and the count is never read.
            ::io_uring_prep_poll_multishot(sqe, bell_, POLLIN);
            ::io_uring_sqe_set_data64(sqe, bell_mark);
            bell_armed_ = true;
        }
    }
    if (pooled_.any_finished()) {
        take_from_pool();
        deadline = 0;
    }
    start_listed();
    if (::io_uring_cq_ready(&ring_)) deadline = 0;
    wait(deadline);
    reap();
    // What did not fit into the completion queue the kernel has kept, and hands over when asked.
    while (::io_uring_cq_has_overflow(&ring_)) {
        ::io_uring_get_events(&ring_);
        if (!::io_uring_cq_ready(&ring_)) break;
        reap();
    }
    if (pooled_.any_finished()) take_from_pool();
}

bool uring_backend::needs_no_poll() const noexcept {
    return in_flight_ == 0 && in_kernel_ == 0 && !listed_ && ::io_uring_sq_ready(&ring_) == 0 &&
           ::io_uring_cq_ready(&ring_) == 0;
}

void uring_backend::ring() noexcept {
    std::uint64_t one = 1;
    sys::write(bell_, &one, sizeof one);
}

std::uint64_t uring_backend::mark_of(const io_operation& op) const noexcept {
    return mark_of(slots_[op.number]);
}

bool uring_backend::forge_completion(std::uint64_t mark) noexcept {
    io_uring_sqe* sqe = entry();
    if (!sqe) return false;
    ::io_uring_prep_nop(sqe);
    ::io_uring_sqe_set_data64(sqe, mark);
    return true;
}

} // namespace weft
