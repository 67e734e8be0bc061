// io_operation: what every I/O operation is to a back-end. Together with io/host.hpp this is the contract between the
// io room and a host's port: an operation is filled in here, and completed there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <weft/core/atomic.hpp>
#include <weft/core/leaf.hpp>

namespace weft {

// A descriptor, a handle or a socket of the host; -1 is none on every host.
using native_handle = std::intptr_t;
inline constexpr native_handle no_handle = -1;

// What to do with which fields. `data` and `size` are a buffer where nothing else is said; the result is a number of
// bytes, or 0, where nothing else is said.
enum class io_code : std::uint8_t {
    read,         // of a pipe or anything else that one can only wait for
    write,        //
    read_vector,  // data: mutable_buffer[size]
    write_vector, // data: const_buffer[size]
    receive,      // of a connected socket
    receive_leased, // the same into memory of the worker's, of at least `size` bytes; data, argument: whose block was lent
    send,            //
    receive_message, // data: io_message
    send_message,    // data: io_message
    accept,          // the result is a handle
    connect,         // data: an address of `size` native bytes
    readable,        // waits until something can be read; optional: see host::awaits_readiness
    writable,        // waits until something can be written; likewise
    read_at, // of a file, at `offset`; -1: at the file's own position (a placed_operation, as all with an offset)
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
    rename,           // data, second: paths (a placed_operation)
    remove,           // data: a path
    remove_directory, // data: a path
    make_directory,   // data: a path; argument: permissions
    close,            // cannot be cancelled
};

// Adjusts an operation.
enum io_flag : std::uint8_t {
    io_whole = 1,       // goes on until `size` bytes are through; the end of the input is errc::end_of_file
    io_short_empty = 2, // a short transfer means that nothing is left for now: byte streams without records
    io_tried = 4,       // the descriptor has just taken less than was offered: to try again is in vain
    io_careful = 8,     // the back-end's: no short ways
};

// io_code::open's mode: two bits of access (0 read, 1 write, 2 both), and these.
enum open_bit : std::uint8_t {
    open_bit_append = 4,
    open_bit_create = 8,
    open_bit_truncate = 16,
    open_bit_exclusive = 32, // with create: an error if it is there already
    open_bit_sync_data = 64, // each write returns when the data is on the medium
};

// The host's record of an open descriptor, of which nobody else knows what it is.
struct io_place;
extern io_place no_place;

// An open descriptor as operations know it; stands in its owner, which outlives the operations on it.
struct io_handle {
    constexpr io_handle() noexcept = default;
    explicit constexpr io_handle(native_handle h) noexcept : value(h) {}

    native_handle value = no_handle;
    // The one word that is the host's. Published with release: a worker may come upon a place that another has just made.
    atomic<io_place*> place{&no_place};
    // Numbers are used again, generations are not. 0 is none.
    std::uint32_t generation = 0;
    // Operations on it that a back-end has, in whichever worker; but see host::in_use().
    atomic<std::uint32_t> in_flight{0};
    bool records = false; // a short read does not mean that nothing is left
};

class io_operation;

// Four words that belong to the back-end while an operation is in flight, and mean what it likes. What needs more, as a list
// of buffers in another form, is in memory of the back-end's own.
struct io_scratch {
    io_operation* next;
    io_operation* previous;
    std::uintptr_t number;
    void* spare;
};
// Room for what completion ports want with each operation, an OVERLAPPED: two words, two halves of an offset, a handle.
static_assert(sizeof(io_scratch) >= 3 * sizeof(void*) + 2 * sizeof(std::uint32_t));

// How it is to be done, and how far it is. One word, written and compared as such.
struct io_manner {
    io_code code;
    std::uint8_t flags;
    std::uint8_t mode;
    std::uint8_t state; // the back-end's

    void become(io_code what, std::uint8_t how) noexcept {
        std::uint32_t word = std::bit_cast<std::uint32_t>(io_manner{what, how, 0, 0});
        __builtin_memcpy(this, &word, sizeof word);
    }
    bool is(io_code what, std::uint8_t how) const noexcept {
        return std::bit_cast<std::uint32_t>(*this) ==
               std::bit_cast<std::uint32_t>(io_manner{what, how, 0, 0});
    }
};

// One operation of one branch, in the awaiting frame. The first part is filled in by the one who makes it; the outcome by
// the back-end, which owns the rest while the operation is in flight.
class io_operation : public leaf, public io_scratch, public io_manner {
  public:
    // The outcome of an operation that ended because of a stop and had no effect.
    static constexpr std::int64_t stopped = INT64_MIN;
    // The outcome of a whole transfer that met the end of the input.
    static constexpr std::int64_t ended_early = INT64_MIN + 1;
    // The outcome of what would go beyond a limit: a receive_leased for which something has come, while all there is to lend
    // is lent; a descriptor with a number that the back-end cannot wait for.
    static constexpr std::int64_t beyond_limit = INT64_MIN + 2;

    io_operation(const leaf_kind& kind, io_code what, io_handle* handle, void* buffer = nullptr,
                 std::size_t bytes = 0) noexcept
        : leaf(kind), on(handle), data(buffer), size(bytes) {
        become(what, 0);
        argument = 0;
    }
    // Leaves the rest alone, for operations that may end before it matters.
    io_operation(io_handle& handle, void* buffer, std::size_t bytes) noexcept
        : on(&handle), data(buffer), size(bytes) {}

    std::uint32_t argument;
    io_handle* on; // nullptr: on none
    void* data;
    std::size_t size;
    std::int64_t outcome; // what the code says; stopped; ended_early; or the host's error number, negative
};

// One of those that say a place beside the buffer. The others, of which many wait for long, do without the word.
class placed_operation : public io_operation {
  public:
    using io_operation::io_operation;

    union {
        std::int64_t offset = -1;
        void* second;
    };
};

} // namespace weft
