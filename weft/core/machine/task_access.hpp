// What scopes and combinators do with a task beside awaiting it.
#pragma once

#include <weft/core/task.hpp>

namespace weft {

struct task_access {
    template <class T> static continuation& frame(task<T>& t) noexcept { return frame_of(t.frame_); }

    // Makes `parent` the continuation and returns what to resume to run the task on `b`.
    template <class T>
    static std::coroutine_handle<> run_on(task<T>& t, branch& b, continuation& parent) noexcept {
        t.promise().parent = &parent;
        t.promise().branch = &b;
        return b.hop(&frame(t));
    }
    // Makes the task the root of `b`; its end is told to the branch's scope, or to `listener` where there is one.
    template <class T> static void root_of(task<T>& t, branch& b, continuation* listener = nullptr) noexcept {
        t.promise().begin_branch(b, listener);
    }
    // For scope_base::fork_child().
    template <class T> static void end_away(continuation* listener) {
        task<T>::promise_type::end_away(listener);
    }

    // After the task's end: whether it has ended well, or why it has not.
    template <class T> static bool succeeded(const task<T>& t) noexcept { return t.promise().succeeded(); }
    template <class T> static failure_cause why_failed(const task<T>& t) noexcept {
        return t.promise().why_failed();
    }
    // After the task's good end.
    template <class T> static T value(task<T>& t) { return t.promise().take_value(); }
    // After the task's end: its error; errc::none for a value or an exception.
    template <class T> static error error_or_none(const task<result<T>>& t) noexcept {
        const auto& p = t.promise();
        return p.has_exception() || p.value().has_value() ? error() : p.value().error();
    }

    // Gives up ownership of the frame.
    template <class T> static continuation* release(task<T>& t) noexcept {
        return &frame_of(std::exchange(t.frame_, nullptr));
    }
    // The outcome of a task that has ended and whose frame was released.
    template <class T> static T take_from(continuation& finished) {
        task<T> done(std::coroutine_handle<typename task<T>::promise_type>::from_address(&finished));
        return done.await_resume();
    }
    // Of a task that was not begun: why, and what it yields then.
    template <class T> static errc why_not_begun(const task<T>& t) noexcept { return t.why_not_begun(); }
    template <class T> static T no_frame(const task<T>& t) { return t.no_frame(); }
};

} // namespace weft
