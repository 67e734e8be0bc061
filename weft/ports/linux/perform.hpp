// An operation as the system call that it stands for, and what becomes of a transfer that is not yet whole.
#pragma once

#include <weft/io/host.hpp>
#include <weft/io/operation.hpp>
#include <weft/ports/linux/lease_pool.hpp>
#include <weft/ports/linux/sys.hpp>

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

// Makes the system call, once, without regard to io_whole. The outcome as in io_operation::outcome.
std::int64_t perform(io_operation& op) noexcept;
// For whole transfers and interrupted calls as well: until there is an outcome. For threads that may block.
std::int64_t perform_wholly(io_operation& op) noexcept;

// No system call takes more than this at a time (MAX_RW_COUNT).
inline constexpr std::size_t max_transfer = 0x7ffff000;
inline std::size_t transfer_size(const io_operation& op) noexcept {
    return op.size < max_transfer ? op.size : max_transfer;
}

// Takes one more outcome of a whole transfer into account: true, and the operation stands for the rest; or false, and it
// has its final outcome. While a transfer goes on, op.outcome counts what is through.
bool goes_on(io_operation& op, std::int64_t outcome) noexcept;

// The messages of receive_message and send_message as the kernel takes them, in the message's own memory.
inline io_message& message_of(io_operation& op) noexcept { return *static_cast<io_message*>(op.data); }
msghdr& native_message(io_operation& op) noexcept;
// After a receive: where it came from, and what was cut off.
void settle_message(io_operation& op) noexcept;

// What a receive_leased has got, of its worker's pool.
void note_lease(io_operation& op, lease_pool& pool, std::uint32_t block) noexcept;

// Of those whose code says that they have an offset or a second path.
inline placed_operation& placed(io_operation& op) noexcept { return static_cast<placed_operation&>(op); }

inline iovec* vectors_of(io_operation& op) noexcept { return static_cast<iovec*>(op.data); }
// -1 for an operation on no descriptor.
inline int descriptor_of(const io_operation& op) noexcept {
    return op.on ? static_cast<int>(op.on->value) : -1;
}

// From +1 to -1 the descriptor of an operation may not be closed.
inline void count_in_flight(io_operation& op, int by) noexcept {
    if (!op.on) return;
    bool output = side_of(op.code) == io_side::output;
    atomic<std::uint32_t>& count = output ? op.on->output : op.on->input;
    count.fetch_add(static_cast<std::uint32_t>(output ? 2 * by : by), order::relaxed);
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
// An operation in flight has ended.
inline void deliver(io_operation& op) noexcept {
    count_in_flight(op, -1);
    set_target(op);
    op.owner->post();
}

// The flags of open(2) for op.mode.
int open_flags(const io_operation& op) noexcept;

// What stands in for a new socket's or a new file's flags.
inline constexpr int accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

} // namespace weft
