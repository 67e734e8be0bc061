// What becomes of completions, and how the ring is waited for.
#include <weft/ports/linux/uring.hpp>

#include <algorithm>

namespace weft {

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
    sys::for_each_completion(ring_, [this](const io_uring_cqe& c) { on_completion(c); });
}

void uring_backend::wait(std::int64_t deadline) noexcept {
    bool fails = settings_.failing_submits && *settings_.failing_submits > 0 && sys::entries_collected(ring_);
    if (fails) {
        submit_collected();
        return;
    }
    if (deadline == 0) {
        if (sys::entries_collected(ring_) || sys::has_work_to_hand_over(ring_)) sys::submit_and_take(ring_);
        return;
    }
    if (deadline == timer_wheel::never) {
        sys::submit_and_wait(ring_, nullptr);
        return;
    }
    std::int64_t left = std::max<std::int64_t>(deadline - port::now(), 0);
    // Lives as long as the call: the timeout travels with the wait and is no operation of its own.
    __kernel_timespec t{left / 1'000'000'000, left % 1'000'000'000};
    sys::submit_and_wait(ring_, &t);
}

void uring_backend::poll(std::int64_t deadline) noexcept {
    if (!bound_) bind();
    if (!bell_armed_) {
        if (io_uring_sqe* sqe = entry()) {
            // Many shots, one for each ring(), and the count is never read.
            sys::prepare_polls(*sqe, bell_.descriptor(), POLLIN);
            sys::mark(*sqe, bell_mark);
            bell_armed_ = true;
        }
    }
    if (pooled_.any_finished()) {
        take_from_pool();
        deadline = 0;
    }
    start_listed();
    if (sys::completions(ring_)) deadline = 0;
    wait(deadline);
    reap();
    // What did not fit into the completion queue the kernel has kept, and hands over when asked.
    while (sys::overflowed(ring_)) {
        sys::take_overflow(ring_);
        if (!sys::completions(ring_)) break;
        reap();
    }
    if (pooled_.any_finished()) take_from_pool();
}

} // namespace weft
