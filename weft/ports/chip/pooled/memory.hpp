// What the pooled memory of a chip knows of itself. Programs get it by linking weft_chip_pooled in place of weft_chip.
#pragma once

#include <cstddef>

namespace weft::pool {

struct usage {
    std::size_t live_frames = 0;
    std::size_t live_branches = 0;
    std::size_t asked = 0; // allocations since fail_allocation()
};
usage measure() noexcept;

// Lets every allocation from now on succeed (0), or the one with this number fail (1 is the next). For tests.
void fail_allocation(std::size_t number) noexcept;

} // namespace weft::pool
