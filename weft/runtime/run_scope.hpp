// The root of what a runtime runs: the main task, and what spawn_on() adds. Tests: runtime/runtime_test.cpp.
#pragma once

#include <weft/core/machine/operand.hpp>

namespace weft {

class runtime;

namespace detail {

// Ends when the main task and all the others have. The end of the main task stops the others. Foreign threads may add
// to it and stop it, so its guard is always taken.
class run_scope : public scope_base {
  public:
    // Called once, when the last has ended; the scope is not touched any more.
    struct observer {
        void (*ended)(observer&) noexcept;
    };

    bool ended() const noexcept { return ended_.load(order::acquire) != 0; }
    // A further task on `level`, which stays there. Errors that it yields are logged, an exception stops everything and
    // comes out of run(). errc::closed when the main task has ended, errc::out_of_memory.
    errc add(continuation& frame, run_queue& level) noexcept;
    void rethrow_if_failed();

  protected:
    explicit run_scope(observer& o) noexcept : scope_base(kind_of_this), observer_(o) {}
    void open_on(run_queue& level) noexcept { open_root(level, true); }
    void main_started(branch& b) noexcept {
        lock();
        main_ = &b;
        unlock();
    }
    void close() noexcept {
        if (drop_hold()) emptied(*this);
    }

  private:
    static disposition child_ended(scope_base& self, branch& child, failure_cause* why) noexcept;
    static void emptied(scope_base& self) noexcept;
    static const scope_kind kind_of_this;

    observer& observer_;
    branch* main_ = nullptr; // while it runs
    thrown first_exception_;
    atomic<std::uint32_t> ended_{0};
};

template <class T> class run_of : public run_scope {
  public:
    run_of(observer& o, task<T>&& t) noexcept : run_scope(o), task_(std::move(t)) {}

    // On the thread of the level's worker.
    static void start(run_scope& self, run_queue& level) noexcept {
        auto& r = static_cast<run_of&>(self);
        r.open_on(level);
        branch* b = r.task_ ? r.new_child(task_access::frame(r.task_), level) : nullptr;
        if (b) {
            r.started_ = true;
            r.main_started(*b);
            task_access::root_of(r.task_, *b);
            launch(*b);
        }
        r.close();
    }
    T take() {
        rethrow_if_failed();
        if (!started_) return task_access::no_frame(task_);
        return task_.await_resume();
    }

  private:
    task<T> task_;
    bool started_ = false;
};

} // namespace detail
} // namespace weft
