// Directories: listing and synchronising one; making, renaming and removing what is in them.
#pragma once

#include <span>

#include <weft/io/directory_entry.hpp>
#include <weft/io/file.hpp>
#include <weft/io/host.hpp>

namespace weft {

class directory;

class [[nodiscard("co_await it")]] open_directory_operation
    : public host_operation<open_directory_operation> {
  public:
    explicit open_directory_operation(path_name path) noexcept
        : host_operation(opening, io_code::open_directory, nullptr, const_cast<char*>(path.c_str())) {}
    result<directory> await_resume() noexcept;

  private:
    static constexpr leaf_kind opening{"open", &request_cancel};
};

// Some entries of a directory, in the buffer that they were read into.
class directory_entries {
  public:
    directory_entries() noexcept = default;
    explicit directory_entries(std::span<const std::byte> raw) noexcept : rest_(raw) {}

    // Takes the next one; false when there are none left. "." and ".." are left out.
    bool next(directory_entry& out) noexcept { return host::next_entry(rest_, out); }

  private:
    std::span<const std::byte> rest_;
};

class [[nodiscard("co_await it")]] list_operation : public host_operation<list_operation> {
  public:
    list_operation(descriptor& on, std::span<std::byte> buffer) noexcept
        : host_operation(listing, io_code::read_directory, on, buffer.data(), buffer.size()) {}
    // nothing: the end.
    result<directory_entries> await_resume() noexcept {
        if (outcome < 0) return failure(host::error_of(outcome));
        if (outcome == 0) return failure(errc::end_of_file);
        return directory_entries(
            std::span(static_cast<const std::byte*>(data), static_cast<std::size_t>(outcome)));
    }

  private:
    static constexpr leaf_kind listing{"directory", &request_cancel};
};

// An open directory.
//
//     std::array<std::byte, 4096> buffer;
//     while (auto entries = co_await d.list(buffer))
//         for (weft::directory_entry e; entries->next(e);) use(e.name);
class directory {
  public:
    directory() noexcept = default;
    explicit directory(descriptor&& d) noexcept : descriptor_(std::move(d)) {}

    // Errors: not_found, not_directory, permission_denied, too_many_files, …
    static open_directory_operation open(path_name path) noexcept { return open_directory_operation(path); }

    // The next entries, as many as the buffer holds, in the file system's order; errc::end_of_file after the last. The
    // names stay in the buffer. invalid_argument if it is too small for one entry: 512 bytes are always enough. One at a
    // time. Resumes on the home executor. No allocation.
    list_operation list(std::span<std::byte> buffer) noexcept { return {descriptor_, buffer}; }

    // Returns when the directory itself is on the medium: files that were made, renamed or removed in it stay so. Needed
    // beside the file's own sync.
    detail::step_operation sync() noexcept {
        return {detail::syncing, io_code::sync, descriptor_, nullptr, 0, 0};
    }

    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    descriptor& handle() noexcept { return descriptor_; }

  private:
    descriptor descriptor_;
};

inline result<directory> open_directory_operation::await_resume() noexcept {
    if (outcome < 0) return failure(host::error_of(outcome));
    return directory(descriptor(static_cast<native_handle>(outcome)));
}

// An operation on paths alone.
class [[nodiscard("co_await it")]] path_operation : public host_operation<path_operation, placed_operation> {
  public:
    path_operation(const leaf_kind& kind, io_code what, path_name path, const char* to = nullptr,
                   unsigned permissions = 0) noexcept
        : host_operation(kind, what, nullptr, const_cast<char*>(path.c_str())) {
        second = const_cast<char*>(to);
        argument = permissions;
    }
    result<void> await_resume() const noexcept { return nothing(); }

    static void request_cancel(leaf& self) noexcept { host_operation::request_cancel(self); }
};

namespace detail {
inline constexpr leaf_kind renaming{"rename", &path_operation::request_cancel};
inline constexpr leaf_kind removing{"remove", &path_operation::request_cancel};
inline constexpr leaf_kind making_directory{"make directory", &path_operation::request_cancel};
} // namespace detail

// All of these resume on the home executor, allocate nothing, and yield errc::cancelled only if they had no effect.

// Gives a file or directory another name, in one step; a file that had that name is gone. Errors: not_found, …
inline path_operation rename(path_name from, path_name to) noexcept {
    return {detail::renaming, io_code::rename, from, to.c_str()};
}
// Removes a file's name. is_directory for a directory.
inline path_operation remove(path_name path) noexcept { return {detail::removing, io_code::remove, path}; }
// Removes an empty directory; already_exists if something is in it.
inline path_operation remove_directory(path_name path) noexcept {
    return {detail::removing, io_code::remove_directory, path};
}
inline path_operation create_directory(path_name path, unsigned permissions = 0777) noexcept {
    return {detail::making_directory, io_code::make_directory, path, nullptr, permissions};
}

} // namespace weft
