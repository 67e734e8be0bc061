// What the tasks of several executors use, a few instructions at a time.
#pragma once

#include <weft/core/spin_lock.hpp>

namespace weft::chip {

// All such sections have one lock, for they are short. Does not nest. Any context.
class shared_section : lock_guard<spin_lock> {
  public:
    shared_section() noexcept : lock_guard(all_) {}

  private:
    static constinit inline spin_lock all_;
};

} // namespace weft::chip
