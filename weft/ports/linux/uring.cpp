#include <weft/ports/linux/uring.hpp>

#include <algorithm>
#include <cstdlib>

namespace weft {

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
    if (sys::enable_ring(ring_) < 0) port::panic("an io_uring could not be turned on");
    (void)sys::register_ring(ring_); // where it is not to be had, nothing is lost
}

int uring_backend::submit_collected() noexcept {
    if (settings_.failing_submits && *settings_.failing_submits > 0) {
        --*settings_.failing_submits;
        return -EAGAIN;
    }
    return static_cast<int>(sys::submit(ring_));
}

// An empty entry; nullptr if the queue is full and the kernel takes none now.
io_uring_sqe* uring_backend::entry() noexcept {
    io_uring_sqe* sqe = sys::next_entry(ring_);
    if (sqe) [[likely]]
        return sqe;
    submit_collected();
    return sys::next_entry(ring_);
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
        sys::prepare_poll(*sqe, descriptor_of(*s.op),
                          side_of(s.op->code) == io_side::input ? POLLIN : POLLOUT);
    else
        prepare(*sqe, *s.op);
    sys::mark(*sqe, mark_of(s));
    s.expects = (s.expects | completion) & 3;
    return true;
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
    sys::prepare_cancel(*sqe, mark_of(s));
    sys::mark(*sqe, mark_of(s) | cancel_bit);
}

bool uring_backend::needs_no_poll() const noexcept {
    return in_flight_ == 0 && in_kernel_ == 0 && !listed_ && sys::entries_collected(ring_) == 0 &&
           sys::completions(ring_) == 0;
}

std::uint64_t uring_backend::mark_of(const io_operation& op) const noexcept {
    return mark_of(slots_[op.number]);
}

bool uring_backend::forge_completion(std::uint64_t mark) noexcept {
    io_uring_sqe* sqe = entry();
    if (!sqe) return false;
    sys::prepare_nop(*sqe);
    sys::mark(*sqe, mark);
    return true;
}

} // namespace weft
