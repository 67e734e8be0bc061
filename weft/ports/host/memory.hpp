// What can be asked about the memory of the Linux port: frames and branch headers; and the seam for failing them.
#pragma once

#include <cstddef>
#include <span>

#include <weft/core/machine/branch.hpp>

namespace weft::memory {

// Frames up to port::small_frame come from lists, one a size and thread, which are filled from chunks. Half of a list that
// has grown long goes to a pool that all threads share, and from there to whoever needs it; a thread that ends gives its
// lists back. Memory stays with the program: it is bounded by the most frames of each size that were ever alive at once,
// and `list_bytes` a thread and size in use. Larger frames are the general heap's. Under AddressSanitizer all frames are.
inline constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
inline constexpr std::size_t list_bytes = std::size_t{32} << 10;

// Branch headers come from slabs that stay where they are for the life of the program. So many at once:
inline constexpr std::size_t branch_limit = std::size_t{16} << 20;
inline constexpr std::size_t slab_bytes = std::size_t{1} << 20;
inline constexpr std::size_t branches_a_slab = slab_bytes / sizeof(branch);

// Exact while no other thread makes or frees anything.
struct usage {
    std::size_t live_frames;
    std::size_t live_branches;
    std::size_t mapped_bytes; // chunks and slabs; never shrinks
};
usage measure() noexcept;

// The slabs so far. A slot that was never handed out is zero. From any thread.
std::span<void* const> slabs() noexcept;

// For tests. Lets the allocation with this number fail (1 is the next) and the others succeed; 0: all succeed. From the
// first call on, the calling thread and threads that begin later use no lists of their own, so that every allocation
// is seen; it stays so. Counts frames and branch headers.
void fail_allocation(std::size_t number) noexcept;
// Asked for since the last call of fail_allocation().
std::size_t allocations() noexcept;

} // namespace weft::memory
