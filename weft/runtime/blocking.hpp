// blocking(f): work that blocks or computes for long, on a thread of a bounded pool.
#pragma once

#include <optional>

#include <weft/core/leaf.hpp>
#include <weft/core/machine/thrown.hpp>
#include <weft/ports/host/thread_pool.hpp>

namespace weft {

namespace detail {

// The pool of the runtime in which the branch runs; panics where there is none.
thread_pool& blocking_pool_of(branch& b) noexcept;

} // namespace detail

// `F` is an lvalue reference for a named callable, and the closure's type for one that stands in the call.
template <class F>
class [[nodiscard("co_await it")]] blocking_operation : public operation<blocking_operation<F>>, pool_work {
    using value = std::invoke_result_t<F&>;

  public:
    explicit blocking_operation(F&& f) noexcept
        : operation<blocking_operation>(running), pool_work(&run_it), function_(static_cast<F&&>(f)) {}

    bool start(branch& b, continuation& then) noexcept {
        if (b.stopping()) {
            outcome_.emplace(std::unexpect, errc::cancelled);
            return this->yield(b, then);
        }
        pool_ = &detail::blocking_pool_of(b);
        this->suspend(b, then);
        pool_->submit(*this);
        return true;
    }
    as_result<value> await_resume() {
        if (thrown_) [[unlikely]]
            std::move(thrown_).rethrow();
        return std::move(*outcome_);
    }

  private:
    // On a thread of the pool.
    static void run_it(pool_work& work) noexcept {
        auto& self = static_cast<blocking_operation&>(work);
        branch& b = *self.owner;
        try {
            if constexpr (std::is_void_v<value>) {
                self.function_();
                self.outcome_.emplace();
            } else {
                self.outcome_.emplace(self.function_());
            }
        } catch (...) {
            self.thrown_ = thrown::current();
        }
        b.wake();
    }
    static void cancel(leaf& self) noexcept {
        auto& b = static_cast<blocking_operation&>(self);
        if (!b.pool_->cancel(b)) return; // it runs: its end is awaited
        b.outcome_.emplace(std::unexpect, errc::cancelled);
        b.owner->post();
    }
    static constexpr leaf_kind running{"blocking", &cancel};

    F function_;
    thread_pool* pool_ = nullptr;
    thrown thrown_;
    std::optional<as_result<value>> outcome_;
};

// Runs f() on a thread of the runtime's pool, and yields its value as a result<T> (a result<T> stays one); exceptions of f
// come out. For calls that block, and for computing that would keep a worker from its other tasks for more than some
// hundred microseconds:
//
//     auto hash = [&] { return argon2(password, salt); };          // 80 ms of one core
//     weft::result<digest> d = co_await weft::blocking(hash);
//
// At most runtime_options::blocking_threads run at once (default: as many as there are CPUs, but at least 4); the others
// wait, first come, first served. The queue is made of the operations in the awaiting frames: whoever asks for more than the
// pool can do is held back, and nothing grows.
//
// A stop takes an f that has not begun out of the queue: errc::cancelled. One that runs cannot be stopped: its end is awaited,
// and its value yielded. So when a runtime shuts down, queued work is dropped, work that runs is awaited, and no thread is
// left behind. Resumes on the home executor. No allocation but for the pool's threads, which start when first needed.
//
// f must not wait for a task, and runs outside of any: it cannot spawn. A closure that stands in the call must have a trivial
// destructor; name one that has not.
template <class F> blocking_operation<F&> blocking(F& f) noexcept { return blocking_operation<F&>(f); }
template <class F>
    requires(!std::is_lvalue_reference_v<F>)
blocking_operation<F> blocking(F&& f) noexcept {
    static_assert(
        std::is_trivially_destructible_v<F>,
        "name the callable first: auto work = [s = std::move(s)] {…}; co_await weft::blocking(work);");
    return blocking_operation<F>(static_cast<F&&>(f));
}

} // namespace weft
