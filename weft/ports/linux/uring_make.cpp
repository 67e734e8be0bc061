// How a ring is made: as good as the kernel has it, and tried before anything relies on it.
#include <weft/ports/linux/uring.hpp>

#include <cstdlib>
#include <iterator>
#include <mutex>
#include <utility>

namespace weft {

namespace {

// Of Linux 6.10 (include/uapi/linux/io_uring.h): of the same release as accepts that wait before they try, for want of one
// that tells of these.
constexpr unsigned feature_of_6_10 = 1u << 14; // IORING_FEAT_RECVSEND_BUNDLE

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

long make_best_ring(io_uring& ring, const uring_settings& settings) noexcept {
    long r = -EINVAL;
    for (std::size_t i = settings.flavour; i < std::size(flavours); ++i) {
        io_uring_params p{};
        // Disabled until its home thread turns it on, and so becomes the one issuer.
        p.flags = flavours[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        p.cq_entries = settings.completion_entries;
        r = sys::make_ring(settings.submission_entries, ring, p);
        if (r != -EINVAL) break;
    }
    return r;
}

bool knows_operations(io_uring& ring) noexcept {
    io_uring_probe* probe = sys::probe_ring(ring);
    if (!probe) return false;
    bool all = true;
    for (int op : needed) all = all && sys::supports(*probe, op);
    sys::end_probe(*probe);
    return all;
}

// A filter may allow a ring to be made and deny its use, so one goes all the way once. 0 or an error number, negative.
long try_one_operation() noexcept {
    io_uring ring{};
    io_uring_params p{};
    if (long made = sys::make_ring(2, ring, p); made < 0) return made;
    long r = 0;
    if (io_uring_sqe* sqe = sys::next_entry(ring)) {
        sys::prepare_nop(*sqe);
        r = sys::submit_and_wait(ring);
    }
    sys::end_ring(ring);
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
    if (long r = make_best_ring(ring, settings); r < 0) {
        reason = sys::describe(r);
        return failure(sys::error_from(r));
    }
    // No completion is dropped; a wait takes its timeout along; what a submission points to may go after it; and polls
    // with several shots (they came with the last of these features, in 5.13).
    constexpr unsigned features = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE |
                                  IORING_FEAT_FAST_POLL | IORING_FEAT_RSRC_TAGS;
    if ((ring.features & features) != features || !knows_operations(ring)) {
        sys::end_ring(ring);
        reason = "the kernel's io_uring lacks operations";
        return failure(errc::not_supported);
    }
    result<bell> rung = bell::make();
    if (!rung) {
        sys::end_ring(ring);
        reason = rung.error().message();
        return failure(rung.error());
    }
    reason = ring.flags & IORING_SETUP_DEFER_TASKRUN ? "the kernel allows it"
                                                     : "the kernel allows it, without deferred task runs";
    return std::unique_ptr<backend>(new uring_backend(ring, std::move(*rung), pool, settings));
}

uring_backend::uring_backend(const io_uring& ring, bell&& rung, thread_pool* pool,
                             const uring_settings& settings) noexcept
    : ring_(ring), settings_(settings), bell_(std::move(rung)),
      can_poll_first_(ring.flags & IORING_SETUP_DEFER_TASKRUN),
      can_accept_poll_first_(can_poll_first_ && (ring.features & feature_of_6_10) &&
                             !settings.without_accept_poll_first),
      pooled_(pool, *this) {}

uring_backend::~uring_backend() {
    drain();
    pooled_.await_all();
    sys::end_ring(ring_);
    std::free(lease_ring_);
    std::free(slots_);
    std::free(lanes_);
}

} // namespace weft
