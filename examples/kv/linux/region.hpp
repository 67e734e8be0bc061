// Address space for an arena: pages become real when they are first touched, and unreal when a large block is freed.
#pragma once

#include "engine/arena.hpp"

namespace kv {

class region {
  public:
    // Throws std::system_error if the system has not that much.
    explicit region(std::size_t size);
    ~region();
    region(const region&) = delete;
    region& operator=(const region&) = delete;
    operator arena&() { return arena_; }

  private:
    std::span<std::byte> bytes_;
    arena arena_;
};

} // namespace kv
