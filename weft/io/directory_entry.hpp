// What a directory listing yields.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

// `unknown` where the file system does not tell without looking at the file.
enum class file_type : std::uint8_t { unknown, regular, directory, symbolic_link, other };

// The name is borrowed from the buffer that the listing was read into.
struct directory_entry {
    directory_entry() noexcept {}
    std::string_view name;
    file_type type = file_type::unknown;
};

} // namespace weft
