// io_operation: what every I/O operation is to a back-end. Together with io/host.hpp this is the contract between the
// io room and a host's port: an operation is filled in here, and completed there.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/core/leaf.hpp>

namespace weft {

// A descriptor, a handle or a socket of the host; -1 is none on every host.
using native_handle = std::intptr_t;
inline constexpr native_handle no_handle = -1;

// What to do with which fields. `data` and `size` are a buffer where nothing else is said; the result is a number of
// bytes, or 0, where nothing else is said.
enum class io_code : std::uint8_t {
    read,             // of a pipe or anything else that one can only wait for
    write,            //
    read_vector,      // data: mutable_buffer[size]
    write_vector,     // data: const_buffer[size]
    receive,          // of a connected socket
    send,             //
    receive_message,  // data: io_message
    send_message,     // data: io_message
    accept,           // the result is a handle
    connect,          // data: an address of `size` native bytes
    readable,         // waits until something can be read
    writable,         // waits until something can be written
    read_at,          // of a file, at `offset`; -1: at the file's own position
    write_at,         // likewise; -1: appends, if the file was opened for that
    read_vector_at,   //
    write_vector_at,  //
    sync,             // of data and metadata
    sync_data,        //
    truncate,         // to `offset` bytes
    file_size,        // the result is a size
    open,             // data: a path; mode: see open_bit; argument: permissions; the result is a handle
    open_directory,   // data: a path; the result is a handle
    read_directory,   // entries as host::next_entry() takes them apart
    rename,           // data, second: paths
    remove,           // data: a path
    remove_directory, // data: a path
    make_directory,   // data: a path; argument: permissions
    close,            // cannot be cancelled
};

// Adjusts an operation.
enum io_flag : std::uint8_t {
    io_whole = 1,       // goes on until `size` bytes are through; the end of the input is errc::end_of_file
    io_short_empty = 2, // a short transfer means that nothing is left for now: byte streams without records
    io_known_empty = 4, // nothing was left the last time: a guess, given and brought back
};

// io_code::open's mode: two bits of access (0 read, 1 write, 2 both), and these.
enum open_bit : std::uint8_t {
    open_bit_append = 4,
    open_bit_create = 8,
    open_bit_truncate = 16,
    open_bit_exclusive = 32, // with create: an error if it is there already
    open_bit_sync_data = 64, // each write returns when the data is on the medium
};

class io_operation;

// Words that belong to the back-end while an operation is in flight, and mean what it likes.
struct io_scratch {
    io_operation* next;
    io_operation* previous;
    std::uintptr_t number;
    void* spare;
};

// One operation of one branch, in the awaiting frame. The first part is filled in by the one who makes it; the outcome by
// the back-end, which owns the rest while the operation is in flight.
class io_operation : public leaf, public io_scratch {
  public:
    // The outcome of an operation that ended because of a stop and had no effect.
    static constexpr std::int64_t stopped = INT64_MIN;
    // The outcome of a whole transfer that met the end of the input.
    static constexpr std::int64_t ended_early = INT64_MIN + 1;

    io_operation(const leaf_kind& kind, io_code what, native_handle on, void* buffer = nullptr,
                 std::size_t bytes = 0) noexcept
        : leaf(kind), code(what), handle(on), data(buffer), size(bytes) {}

    io_code code;
    std::uint8_t flags = 0;
    std::uint8_t mode = 0;
    std::uint8_t state = 0; // the back-end's
    std::uint32_t argument = 0;
    native_handle handle;
    void* data;
    std::size_t size;
    union {
        std::int64_t offset = -1;
        void* second;
    };
    std::int64_t outcome =
        0; // what the code says; stopped; ended_early; or the host's error number, negative
};

} // namespace weft
