// The node of a timer queue: a leaf with a deadline.
#pragma once

#include <cstdint>

#include <weft/core/leaf.hpp>

namespace weft {

// 48 bytes on hosts, of which the last six are free for a derived class. The two links are the queue's own: a wheel's list here, a heap's children there.
class timer : public leaf {
  public:
    struct timer_kind : leaf_kind {
        // The deadline has come and the queue has let go of the node. In the home context.
        void (*expired)(timer&) noexcept;
    };
    explicit timer(const timer_kind& k, std::int64_t when = 0) noexcept : leaf(k), deadline(when) {}

    void expire() noexcept { static_cast<const timer_kind*>(kind)->expired(*this); }

    timer* next = nullptr;
    timer** link = nullptr;
    std::int64_t deadline;  // nanoseconds of port::now()
    std::uint16_t slot = 0; // the queue's own, too
};

} // namespace weft
