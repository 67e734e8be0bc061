// The numbers of the host that users see, and what a host may lack: part of the contract of the io room.
#pragma once

#include <cstddef>

namespace weft::host {

// Bytes of the path of a Unix socket, without the zero at its end: what sockaddr_un has room for.
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
inline constexpr std::size_t max_socket_path = 103;
#else
inline constexpr std::size_t max_socket_path = 107;
#endif

// Signals have numbers from 1 to this, exclusive. None beyond 64: sets of them are words.
#if defined(__linux__)
inline constexpr int signal_limit = 65;
#else
inline constexpr int signal_limit = 32;
#endif

// Optional. One can wait until a descriptor is ready, without a transfer: io_code::readable and io_code::writable. Completion
// ports have no such thing, and operations with these codes yield errc::not_supported there.
#if defined(_WIN32)
inline constexpr bool awaits_readiness = false;
#else
inline constexpr bool awaits_readiness = true;
#endif

// Optional. host::open_counter(): a descriptor that is readable while its count is above zero. Where there is none, it yields
// errc::not_supported, and so do user_event::make() and signal_set::make().
#if defined(__linux__)
inline constexpr bool has_counters = true;
#else
inline constexpr bool has_counters = false;
#endif

} // namespace weft::host
