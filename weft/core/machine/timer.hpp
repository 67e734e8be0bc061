// The node of a timer queue: a leaf with a deadline.
#pragma once

#include <cstdint>

#include <weft/core/leaf.hpp>

namespace weft {

// Two words that are the queue's own: a wheel's list here, a heap's children there.
struct timer_links {
    timer_links* next;
    timer_links* previous;
};

// 40 bytes on 64-bit hosts.
class timer : public leaf, public timer_links {
  public:
    struct timer_kind : leaf_kind {
        // The deadline has come and the queue has let go of the node. In the home context.
        void (*expired)(timer&) noexcept;
    };
    explicit timer(const timer_kind& k, std::int64_t when = 0) noexcept
        : leaf(k), timer_links{}, deadline(when) {
        owner = nullptr;
    }

    void expire() noexcept { static_cast<const timer_kind*>(kind)->expired(*this); }

    std::int64_t deadline; // nanoseconds of port::now()

  protected:
    // For one that is not taken out before it was put in.
    struct unlinked {};
    timer(const timer_kind& k, std::int64_t when, unlinked) noexcept : leaf(k), deadline(when) {}
};

} // namespace weft
