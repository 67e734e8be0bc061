// An operation as the system call that it stands for.
#pragma once

#include <weft/ports/host/lease_pool.hpp>
#include <weft/ports/host/operations.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

// No system call takes more than this at a time (MAX_RW_COUNT).
inline constexpr std::size_t max_transfer = 0x7ffff000;
inline std::size_t transfer_size(const io_operation& op) noexcept {
    return op.size < max_transfer ? op.size : max_transfer;
}

// The messages of receive_message and send_message as the kernel takes them, in the message's own memory.
msghdr& native_message(io_operation& op) noexcept;
// After a receive: where it came from, and what was cut off.
void settle_message(io_operation& op) noexcept;

// What a receive_leased has got, of its worker's pool.
void note_lease(io_operation& op, lease_pool& pool, std::uint32_t block) noexcept;

inline iovec* vectors_of(io_operation& op) noexcept { return static_cast<iovec*>(op.data); }
// -1 for an operation on no descriptor.
inline int descriptor_of(const io_operation& op) noexcept {
    return op.on ? static_cast<int>(op.on->value) : -1;
}

// The flags of open(2) for op.mode.
int open_flags(const io_operation& op) noexcept;

// What stands in for a new socket's or a new file's flags.
inline constexpr int accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

} // namespace weft
