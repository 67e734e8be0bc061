// How operations take a path.
#pragma once

#include <concepts>

namespace weft {

// A path that ends with a zero: borrowed from a literal, a std::string, a std::filesystem::path or the like, until the
// operation has ended. A temporary in the same full expression with co_await lives long enough.
class path_name {
  public:
    path_name(const char* path) noexcept : path_(path) {}
    template <class S>
        requires requires(const S& s) {
            { s.c_str() } -> std::convertible_to<const char*>;
        }
    path_name(const S& s) noexcept : path_(s.c_str()) {}

    const char* c_str() const noexcept { return path_; }

  private:
    const char* path_;
};

} // namespace weft
