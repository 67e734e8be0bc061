// What becomes of an operation on a host: who can wait for it, how it is made as a call, and how it ends.
#pragma once

#include <weft/io/host.hpp>
#include <weft/io/operation.hpp>

namespace weft {

// Who can wait for an operation to be possible.
enum class io_side : std::uint8_t {
    input,  // the descriptor becoming readable
    output, // the descriptor becoming writable
    pool,   // nobody: it may block the thread that does it
};
constexpr io_side side_of(io_code code) noexcept {
    switch (code) {
    case io_code::read:
    case io_code::read_vector:
    case io_code::receive:
    case io_code::receive_leased:
    case io_code::receive_message:
    case io_code::accept:
    case io_code::readable: return io_side::input;
    case io_code::write:
    case io_code::write_vector:
    case io_code::send:
    case io_code::send_message:
    case io_code::connect:
    case io_code::writable: return io_side::output;
    default: return io_side::pool;
    }
}

// The host's: makes the system call, once, without regard to io_whole. The outcome as in io_operation::outcome.
std::int64_t perform(io_operation& op) noexcept;
// For whole transfers and interrupted calls as well: until there is an outcome. For threads that may block.
std::int64_t perform_wholly(io_operation& op) noexcept;

// Takes one more outcome of a whole transfer into account: true, and the operation stands for the rest; or false, and it
// has its final outcome. While a transfer goes on, op.outcome counts what is through.
bool goes_on(io_operation& op, std::int64_t outcome) noexcept;

// Of those whose code says that they have an offset or a second path.
inline placed_operation& placed(io_operation& op) noexcept { return static_cast<placed_operation&>(op); }
// Of receive_message and send_message.
inline io_message& message_of(io_operation& op) noexcept { return *static_cast<io_message*>(op.data); }

// From +1 to -1 the descriptor of an operation may not be closed.
inline void count_in_flight(io_operation& op, int by) noexcept {
    if (op.on) op.on->in_flight.fetch_add(static_cast<std::uint32_t>(by), order::relaxed);
}

// The outcome stands: what its branch is going to resume. Where ok() waits, a failure ends the frame.
inline void set_target(io_operation& op) noexcept {
    if (op.outcome < 0 && op.kind->end_frame) [[unlikely]]
        op.kind->end_frame(*op.owner, host::error_of(op.outcome), static_cast<io_scratch*>(&op));
}
// What host::start() returns where the outcome stands. To the back of the queue: a stopped branch, one that has not waited
// for long, and one whose frame ends.
inline bool end_in_turn(io_operation& op, branch& b) noexcept {
    set_target(op);
    b.post();
    return true;
}
inline bool end_at_once(io_operation& op, branch& b) noexcept {
    if (op.outcome >= 0 || !op.kind->end_frame) {
        if (!b.spend()) return false;
        b.refill();
    }
    return end_in_turn(op, b);
}
// Hands an operation of `b`, whose outcome is 0 so far, to the back-end. As host::start().
bool submit(io_operation& op, branch& b) noexcept;
// An operation in flight has ended.
inline void deliver(io_operation& op) noexcept {
    count_in_flight(op, -1);
    set_target(op);
    op.owner->post();
}

} // namespace weft
