// Files: opened, read, written and synchronised without holding up the worker, on every back-end.
#pragma once

#include <span>

#include <weft/core/result.hpp>
#include <weft/io/buffer.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/path_name.hpp>

namespace weft {

// How a file is opened. Combines by |. At least one of read and write.
enum class open_mode : std::uint8_t {
    read = 1,
    write = 2,
    append = 4,     // writes go to the end, wherever it is then
    create = 8,     // make it if it is not there
    truncate = 16,  // begin with an empty file
    exclusive = 32, // with create: already_exists if it is there
    sync_data = 64, // each write returns when the data is on the medium
};
constexpr open_mode operator|(open_mode a, open_mode b) noexcept {
    return static_cast<open_mode>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}

class file;

// One transfer, one number, or no value: what most operations on files yield.
template <class T>
class [[nodiscard("co_await it")]] file_operation
    : public host_operation<file_operation<T>, placed_operation> {
    using base = host_operation<file_operation<T>, placed_operation>;

  public:
    file_operation(const leaf_kind& kind, io_code what, descriptor& on, const void* buffer, std::size_t n,
                   std::int64_t at, bool whole = false) noexcept
        : base(kind, what, on, const_cast<void*>(buffer), n) {
        this->offset = at;
        if (whole) this->flags |= io_whole;
    }
    result<T> await_resume() noexcept {
        if constexpr (std::is_void_v<T>)
            return this->nothing();
        else
            return this->template number<T>();
    }

    static void request_cancel(leaf& self) noexcept { base::request_cancel(self); }
};

class [[nodiscard("co_await it")]] open_operation : public host_operation<open_operation> {
  public:
    open_operation(path_name path, open_mode how, unsigned permissions) noexcept
        : host_operation(opening, io_code::open, nullptr, const_cast<char*>(path.c_str())) {
        auto bits = static_cast<unsigned>(how);
        mode = static_cast<std::uint8_t>((bits & ~3u) | ((bits & 3u) == 3u ? 2u : (bits & 2u) >> 1));
        argument = permissions;
    }
    result<file> await_resume() noexcept;

  private:
    static constexpr leaf_kind opening{"open", &request_cancel};
};

namespace detail {

using transfer_operation = file_operation<std::size_t>;
using step_operation = file_operation<void>;
using measure_operation = file_operation<std::uint64_t>;

inline constexpr leaf_kind reading_file{"file read", &transfer_operation::request_cancel};
inline constexpr leaf_kind writing_file{"file write", &transfer_operation::request_cancel};
inline constexpr leaf_kind syncing{"sync", &step_operation::request_cancel};
inline constexpr leaf_kind truncating{"truncate", &step_operation::request_cancel};
inline constexpr leaf_kind measuring{"file size", &measure_operation::request_cancel};

} // namespace detail

// An open file. All operations borrow what they are given until they have ended, allocate nothing, and resume on the home
// executor. A stop is a request: what the medium has begun it finishes, and the outcome is yielded; errc::cancelled if
// nothing was done (some of a whole transfer may have been). Any number of operations at the same time. To close while
// one is in flight panics.
class file {
  public:
    file() noexcept = default;
    // Takes over an open file.
    explicit file(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    // Errors: not_found, already_exists, permission_denied, is_directory, too_many_files, … A file that was opened in
    // spite of a stop is yielded. `permissions` count where it is made, less the process's mask.
    static open_operation open(path_name path, open_mode how = open_mode::read,
                               unsigned permissions = 0666) noexcept {
        return open_operation(path, how, permissions);
    }

    // Up to the buffer's size from `at`; 0 at the end of the file.
    detail::transfer_operation read_at(std::span<std::byte> to, std::uint64_t at) noexcept {
        return {detail::reading_file, io_code::read_at, descriptor_, to.data(), to.size(), place(at)};
    }
    // Fills the buffer; errc::end_of_file if the file ends before.
    detail::transfer_operation read_exact_at(std::span<std::byte> to, std::uint64_t at) noexcept {
        return {detail::reading_file, io_code::read_at, descriptor_, to.data(), to.size(), place(at), true};
    }
    detail::transfer_operation write_at(std::span<const std::byte> from, std::uint64_t at) noexcept {
        return {detail::writing_file, io_code::write_at, descriptor_, from.data(), from.size(), place(at)};
    }
    detail::transfer_operation write_all_at(std::span<const std::byte> from, std::uint64_t at) noexcept {
        return {detail::writing_file, io_code::write_at, descriptor_, from.data(),
                from.size(),          place(at),         true};
    }
    // Several buffers at once. The whole transfer uses up its list: its entries are changed.
    detail::transfer_operation read_at(std::span<const mutable_buffer> to, std::uint64_t at) noexcept {
        return {detail::reading_file, io_code::read_vector_at, descriptor_, to.data(), to.size(), place(at)};
    }
    detail::transfer_operation write_at(std::span<const const_buffer> from, std::uint64_t at) noexcept {
        return {
            detail::writing_file, io_code::write_vector_at, descriptor_, from.data(), from.size(), place(at)};
    }
    detail::transfer_operation write_all_at(std::span<const_buffer> from, std::uint64_t at) noexcept {
        return {detail::writing_file,
                io_code::write_vector_at,
                descriptor_,
                from.data(),
                from.size(),
                place(at),
                true};
    }

    // At the file's own position, which they move; in a file opened with append, at its end. One at a time.
    detail::transfer_operation read_some(std::span<std::byte> to) noexcept {
        return {detail::reading_file, io_code::read_at, descriptor_, to.data(), to.size(), -1};
    }
    detail::transfer_operation append(std::span<const std::byte> from) noexcept {
        return {detail::writing_file, io_code::write_at, descriptor_, from.data(), from.size(), -1, true};
    }
    detail::transfer_operation append(std::span<const_buffer> from) noexcept {
        return {
            detail::writing_file, io_code::write_vector_at, descriptor_, from.data(), from.size(), -1, true};
    }

    // Returns when everything written before is on the medium; sync_data leaves out what reading back does not need, as
    // the times. A running sync refuses a stop, and is awaited. After an error, what was written is in doubt.
    detail::step_operation sync() noexcept {
        return {detail::syncing, io_code::sync, descriptor_, nullptr, 0, 0};
    }
    detail::step_operation sync_data() noexcept {
        return {detail::syncing, io_code::sync_data, descriptor_, nullptr, 0, 0};
    }
    // Makes it exactly so long: cuts off the rest, or adds zeros.
    detail::step_operation truncate(std::uint64_t size) noexcept {
        return {detail::truncating, io_code::truncate, descriptor_, nullptr, 0, place(size)};
    }
    detail::measure_operation size() noexcept {
        return {detail::measuring, io_code::file_size, descriptor_, nullptr, 0, 0};
    }

    // Yields what the host says on closing: see descriptor::close.
    close_operation close() noexcept { return descriptor_.close(); }
    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    // An offset beyond what the host can name becomes one that it refuses, and not "at the file's own position".
    static std::int64_t place(std::uint64_t at) noexcept {
        return static_cast<std::int64_t>(at > INT64_MAX ? INT64_MAX : at);
    }

    descriptor descriptor_;
};

inline result<file> open_operation::await_resume() noexcept {
    if (outcome < 0) return failure(host::error_of(outcome));
    return file(descriptor(static_cast<native_handle>(outcome)));
}

} // namespace weft
