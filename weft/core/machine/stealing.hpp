// Work that changes its executor: ready branches that one has in excess, and what waits in its steal deque.
#pragma once

#include <cstddef>

#include <weft/core/machine/executor.hpp>

namespace weft {

// Takes up to half of the ready, unpinned branches of the lowest-numbered ready level out of the queue, at most `most`, for
// adopt() by another executor: the oldest, linked by `next`; nullptr if there is none to spare. In the context of `here`.
job* take_surplus(executor& here, std::size_t most) noexcept;
// Makes `here` the home of ready branches that nobody else has any more, and gives them their turns. In its context.
void adopt(executor& here, job* oldest) noexcept;
// Begins what was taken from another executor's deque, and runs it as far as it goes. In the context of `here`, between turns,
// with a spare header.
void run_stolen(executor& here, continuation& f);

} // namespace weft
