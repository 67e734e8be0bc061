// The root of a program's tasks: what a port's run() stands on.
#pragma once

#include <weft/core/fork.hpp>

namespace weft {

// A scope without an owner. The port starts it, turns its loop until finished(), and takes the outcome.
class root_base : public scope_base {
  public:
    bool finished() const noexcept { return finished_.load(order::acquire) != 0; }

  protected:
    root_base() noexcept : scope_base(kind_of_this) {}
    void note_finished() noexcept;

  private:
    static fate ended(scope_base&, branch&, failure_cause*) noexcept { return fate::keep_frame; }
    static void all_ended(scope_base& self) noexcept { static_cast<root_base&>(self).note_finished(); }
    static constexpr scope_kind kind_of_this{{"root", &scope_base::cancel_children}, &ended, &all_ended};

    atomic<std::uint32_t> finished_{0};
    executor* home_ = nullptr;

  protected:
    void open_on(ready_level& level, bool across_threads) noexcept {
        home_ = level.owner;
        open_root(level, across_threads);
    }
};

// Runs one task to its end.
//
//     weft::root<int> r(main_task());
//     r.start(executor.level());
//     while (!r.finished()) turn the loop;
//     return r.take();
template <class T> class root : public root_base {
  public:
    explicit root(task<T>&& t) noexcept : fork_(std::move(t)) {}

    // In the executor's context, or before its loop runs.
    void start(ready_level& level) noexcept {
        open_on(level, level.owner->shared);
        fork_.start(*this, level);
        if (drop_hold()) note_finished();
    }
    T take() { return fork_.take(); }

  private:
    fork<task<T>> fork_;
};

} // namespace weft
