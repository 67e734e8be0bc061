// What can go wrong, as a value: a portable code and the native one it came from.
#pragma once

#include <cstdint>

namespace weft {

// Portable error codes. A port maps its world's codes onto these; what has no name here is `other`, and the
// native code tells.
enum class errc : std::int32_t {
    none = 0,
    cancelled,        // a stop was requested before the operation had an effect
    timed_out,        // timeout() asked the operation to stop, and it did
    closed,           // the other end or this end is closed
    would_block,      // a try_ operation found nothing to do
    out_of_memory,    // a frame, a header or a buffer could not be had
    limit_exceeded,   // a stated limit would be passed
    invalid_argument, // a value that the operation refuses
    already_exists,
    not_found,
    permission_denied,
    not_supported, // this world or this back-end cannot do it
    busy,
    bad_descriptor,
    connection_refused,
    connection_reset,
    connection_aborted,
    not_connected,
    address_in_use,
    address_not_available,
    unreachable,
    broken_pipe,
    interrupted,
    no_space,
    end_of_file, // fewer bytes were there than asked for
    is_directory,
    not_directory,
    message_too_large,
    too_many_files, // the process or the system is out of descriptors
    io_error,
    lagged, // a slow receiver missed messages
    other,
};

// Two words: what happened, and the world's own number for it (errno, NTSTATUS; 0 where there is none).
class error {
  public:
    constexpr error() noexcept = default;
    constexpr error(errc code) noexcept : code_(code) {}
    constexpr error(errc code, std::int32_t native) noexcept : code_(code), native_(native) {}

    constexpr errc code() const noexcept { return code_; }
    constexpr std::int32_t native() const noexcept { return native_; }

    // A static, lower-case English sentence part: "connection refused".
    const char* message() const noexcept;

    friend constexpr bool operator==(error, error) noexcept = default;
    friend constexpr bool operator==(error e, errc c) noexcept { return e.code_ == c; }

  private:
    errc code_ = errc::none;
    std::int32_t native_ = 0;
};

} // namespace weft
