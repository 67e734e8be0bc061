// The memory of all that is no root task. Two libraries define it: weft_arenas takes frames from the arena of the root
// that runs, and weft_pooled from all the memory that is left.
#pragma once

#include <cstddef>

namespace weft::chip {

void* allocate_child(std::size_t bytes) noexcept;
void free_child(void* frame, std::size_t bytes) noexcept;
void* allocate_large_child(std::size_t bytes) noexcept;
void free_large_child(void* frame, std::size_t bytes) noexcept;
void* allocate_child_branch() noexcept;
void free_child_branch(void* slot) noexcept;

} // namespace weft::chip
