// The root of a program's tasks: what a port's run() stands on.
#pragma once

#include <weft/core/machine/operand.hpp>

namespace weft {

// A scope without an owner. The port starts it, turns its loop until finished(), and takes the outcome.
class root_base : public scope_base {
  public:
    bool finished() const noexcept { return finished_.load(order::acquire) != 0; }

  protected:
    root_base() noexcept : scope_base(kind_of_this), message_{{&hear, &message_marker}, this} {}
    void note_finished() noexcept;

  private:
    static disposition ended(scope_base&, branch&, failure_cause*) noexcept {
        return disposition::keep_frame;
    }
    static void all_ended(scope_base& self) noexcept { static_cast<root_base&>(self).note_finished(); }
    static constexpr scope_kind kind_of_this{{"root", &scope_base::cancel_children}, &ended, &all_ended};

    // From the executor where the last branch ended to the home, whose loop it wakes.
    struct end_message : continuation {
        root_base* root;
    };
    static void hear(continuation* message) noexcept;

    atomic<std::uint32_t> finished_{0};
    run_queue* home_ = nullptr;
    job message_job_;
    end_message message_;

  protected:
    void open_on(run_queue& level, bool across_threads) noexcept {
        home_ = &level;
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
    explicit root(task<T>&& t) noexcept : operand_(std::move(t)) {}

    // In the executor's context, or before its loop runs.
    void start(run_queue& level) noexcept {
        open_on(level, level.owner->shared);
        operand_.start(*this, level);
        if (drop_hold()) note_finished();
    }
    T take() {
        if (!operand_.started()) return operand_.no_frame();
        if constexpr (is_result<T>)
            return operand_.take();
        else if constexpr (std::is_void_v<T>)
            (void)operand_.take();
        else
            return *operand_.take();
    }

  private:
    operand<task<T>> operand_;
};

} // namespace weft
