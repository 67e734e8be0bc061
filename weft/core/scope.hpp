// with_scope(): a nursery. Tasks are spawned into it, and it ends only when all of them have.
#pragma once

#include <weft/core/machine/operand.hpp>
#include <weft/core/machine/scope_base.hpp>
#include <weft/core/machine/task_access.hpp>

namespace weft {

template <class T> class join_handle;
template <class T> class join_operation;

// Handed to the body of with_scope(). What it promises:
//
// - It ends only when the body and every task spawned into it have ended.
// - When a child fails (its result holds an error, or it throws), the others and the body are asked to stop, and the
//   first failure is what with_scope() yields. An errc::cancelled after a stop was requested is no failure.
// - A stop that reaches the owner is passed on to all children.
// - The body is the first child. The others may use what stands outside of the body; they must not use the body's
//   locals, which are gone when the body returns before they do.
class scope : protected scope_base {
  public:
    using scope_base::request_stop;
    using scope_base::stop_requested;

    // Starts `t` as a child; it is ready at once and runs when its turn comes. The handle may be dropped: then the
    // outcome is dropped too (a failure still counts). Without memory the scope fails with errc::out_of_memory, for an empty
    // task with errc::invalid_argument.
    // In a task of the scope's own runtime, on any of its workers. Allocates one branch header.
    template <class T> [[gnu::always_inline]] join_handle<T> spawn(task<T> t) noexcept {
        return handle_of(t, t ? start_child(task_access::frame(t)) : nullptr);
    }
    // With a priority, 0 the highest, as far as the executor has levels.
    template <class T> join_handle<T> spawn(task<T> t, std::size_t priority) noexcept {
        run_queue& level = default_level().owner->level(priority);
        return handle_of(t, t ? start_child(task_access::frame(t), level) : nullptr);
    }

    // spawn() for work that is divided as it goes: the child is offered at once to workers that have nothing to do, oldest
    // first, and otherwise begins when the calling task waits or ends, newest first and ahead of what else is ready there,
    // though not at its cost. So a tree of forks is worked through depth first, with as many frames alive as it is deep.
    //
    //     for (auto& sub : directory) s.fork(walk(sub));
    //
    // As spawn() where a worker keeps 256 forks already, has several priorities, or is the only one of a chip. Where the scope
    // was opened on the calling worker, a fork takes no lock. The child's arguments are destroyed, and a join resumes, there;
    // in between it stays with the worker that has begun it.
    template <class T> [[gnu::always_inline]] join_handle<T> fork(task<T> t) noexcept {
        return handle_of(t, t ? fork_child(task_access::frame(t), &task_access::end_away<T>) : nullptr);
    }

    scope() noexcept : scope_base(nursery) {}
    ~scope() {
        WEFT_CHECK_INVARIANT(has_no_children(), "a scope was destroyed while children of it are alive");
        drop_finished();
    }

  private:
    template <class T> friend class join_handle;
    template <class T> friend class join_operation;
    template <class F> friend class with_scope_operation;

    // One wait for the end of one child. The list is searched when a joined child ends, so that its length is what a
    // join costs where a scope has many waiters at once.
    struct joiner {
        joiner* next = nullptr;
        branch* child = nullptr;
        branch* waiter = nullptr;
    };

    template <class T> [[gnu::always_inline]] join_handle<T> handle_of(task<T>& t, branch* b) noexcept {
        if (!b) [[unlikely]] {
            errc why = task_access::why_not_begun(t);
            fail(why);
            return join_handle<T>(why);
        }
        task_access::release(t);
        return join_handle<T>(*b);
    }

    // The body's frame belongs to the operation, so that its branch counts only. To begin it in the owner's turn: what to
    // resume; nullptr without a spare header.
    template <class T> std::coroutine_handle<> begin_body(task<T>& t) noexcept {
        branch* b = t ? begin_first(task_access::frame(t), branch::uncounted) : nullptr;
        if (!b) [[unlikely]]
            return nullptr;
        task_access::root_of(t, *b);
        return b->hop(&task_access::frame(t));
    }
    // The same in a turn to come, for combinators.
    template <class T> void start_body(task<T>& t) noexcept {
        branch* b = t ? new_child(task_access::frame(t), default_level()) : nullptr;
        if (!b) return fail(task_access::why_not_begun(t));
        b->set(branch::uncounted);
        task_access::root_of(t, *b);
        b->home().owner->push_ahead(*b);
    }

    static disposition child_is_done(scope_base& self, branch& child, failure_cause* why) noexcept;
    static bool error_is_kept(scope_base& self, branch& child) noexcept;
    void let_join(branch& child) noexcept;
    void fail(error e) noexcept;
    void drop_finished() noexcept;
    // For join handles; each takes the guard.
    void detach(branch& child) noexcept {
        bool alone = child.is_as_spawned() || (child.is_as_spawned_shared() && is_at_home());
        if (!alone) [[unlikely]]
            return detach_slowly(child);
        child.detach_unseen();
    }
    void detach_slowly(branch& child) noexcept;
    void retire(branch& child) noexcept;
    bool add_joiner(joiner& j) noexcept;    // false: the child has ended already
    bool remove_joiner(joiner& j) noexcept; // false: it was found and woken already

    static const scope_kind nursery;

    joiner* joiners_ = nullptr;
    failure_cause first_failure_;
};

// The right to a child's outcome. Move-only; must not outlive the scope's with_scope() call. Dropping it lets the
// child go on.
template <class T> class join_handle {
  public:
    join_handle() noexcept = default;
    explicit join_handle(branch& child) noexcept : child_(&child), generation_(child.generation) {}
    join_handle(join_handle&& other) noexcept
        : child_(std::exchange(other.child_, nullptr)), generation_(other.generation_) {}
    join_handle& operator=(join_handle&& other) noexcept {
        drop();
        child_ = std::exchange(other.child_, nullptr);
        generation_ = other.generation_;
        return *this;
    }
    ~join_handle() { drop(); }

    // Waits for the child's end and yields its outcome: a result stays one, any other T becomes result<T>.
    // errc::out_of_memory if there was no memory to start the child, errc::invalid_argument if it was joined already, or
    // none was given: the task was empty, or the handle is, or was moved from.
    // Exceptions of the child come out here as well. Resumes on the waiter's home executor. A stop ends the wait with
    // errc::cancelled, and the handle can be joined again. No allocation.
    join_operation<T> join() noexcept;

    bool valid() const noexcept { return child_ && child_->generation == generation_; }

  private:
    friend class scope;
    friend class join_operation<T>;

    // Without a child. In place of its generation stands why, where that was for want of memory.
    explicit join_handle(errc why) noexcept : generation_(why == errc::out_of_memory ? no_memory : 0) {}
    bool without_memory() const noexcept { return !child_ && generation_ == no_memory; }
    static constexpr std::uint32_t no_memory = ~std::uint32_t{0};

    void drop() noexcept {
        if (valid()) static_cast<scope*>(child_->scope)->detach(*child_);
        child_ = nullptr;
    }

    branch* child_ = nullptr;
    std::uint32_t generation_ = 0;
};

// Waits for the end of a child; see join_handle::join().
template <class T> class [[nodiscard("co_await it")]] join_operation : public operation<join_operation<T>> {
  public:
    explicit join_operation(join_handle<T>& handle) noexcept
        : operation<join_operation>(joining), handle_(handle) {}

    bool start(branch& b, continuation& then) noexcept {
        if (!handle_.valid()) {
            outcome_ = handle_.without_memory() ? errc::out_of_memory : errc::invalid_argument;
            return this->finish_now(b, then);
        }
        if (b.stopping()) {
            outcome_ = errc::cancelled;
            return this->yield(b, then);
        }
        joiner_.child = handle_.child_;
        joiner_.waiter = &b;
        this->suspend(b, then);
        if (nursery().add_joiner(joiner_)) return true;
        b.waiting.store(nullptr, order::relaxed);
        return this->finish_now(b, then);
    }
    as_result<T> await_resume() {
        if (outcome_ != errc::none) return failure(outcome_);
        if (handle_.child_->has(branch::failed)) {
            error e = handle_.child_->kept_error();
            nursery().retire(*std::exchange(handle_.child_, nullptr));
            return failure(e);
        }
        continuation& finished = *handle_.child_->target;
        nursery().retire(*std::exchange(handle_.child_, nullptr));
        if constexpr (std::is_void_v<T>) {
            task_access::take_from<T>(finished);
            return {};
        } else {
            return task_access::take_from<T>(finished);
        }
    }

  private:
    scope& nursery() const noexcept { return *static_cast<scope*>(handle_.child_->scope); }
    static void cancel(leaf& self) noexcept {
        auto& join = static_cast<join_operation&>(self);
        if (!join.nursery().remove_joiner(join.joiner_)) return;
        join.outcome_ = errc::cancelled;
        join.owner->post();
    }
    static constexpr leaf_kind joining{"join", &cancel};

    join_handle<T>& handle_;
    scope::joiner joiner_;
    errc outcome_ = errc::none;
};

// with_scope(body); see below.
template <class F>
class [[nodiscard("co_await it")]] with_scope_operation : public operation<with_scope_operation<F>, scope> {
    using body_task = std::invoke_result_t<F&, scope&>;
    static_assert(is_task<body_task>, "the body of with_scope takes a weft::scope& and returns a weft::task");
    using outcome = typename body_task::value_type;

  public:
    explicit with_scope_operation(F& body) noexcept : body_(body) {}

    bool start(branch& b, continuation& then) {
        this->open(b, then);
        task_ = body_(static_cast<scope&>(*this));
        this->start_body(task_);
        return goes_on(b, then);
    }
    // The body begins at once.
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h, const void* site = WEFT_AWAIT_SITE) {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        branch& b = *p.branch;
        this->open(b, frame_of(h));
        task_ = body_(static_cast<scope&>(*this));
        if (auto first = this->begin_body(task_)) [[likely]]
            return first;
        return begin_slowly(b, frame_of(h));
    }

    as_result<outcome> await_resume() {
        failure_cause& first = this->first_failure_;
        if (first.exception) [[unlikely]]
            std::move(first.exception).rethrow();
        if (first) return failure(first.code);
        if constexpr (std::is_void_v<outcome>) {
            task_.await_resume();
            return {};
        } else {
            return task_.await_resume();
        }
    }

  private:
    // False: there was no memory for the body.
    bool goes_on(branch& b, continuation& then) noexcept {
        return !this->drop_hold() || this->finish_now(b, then);
    }
    [[gnu::noinline]] std::coroutine_handle<> begin_slowly(branch& b, continuation& then) noexcept {
        if (task_ && b.home().owner->branches.reserve()) return this->begin_body(task_);
        this->fail(task_access::why_not_begun(task_));
        return goes_on(b, then) ? std::noop_coroutine() : then.handle();
    }

    F& body_;
    body_task task_;
};

// Opens a scope, runs body(scope&) as its first child, which begins at once where with_scope() itself is awaited, and ends
// when the body and all tasks spawned into the scope have ended. Yields the body's outcome as a result, or the first failure
// of a child.
//
//     auto body = [&](weft::scope& s) -> weft::task<> { s.spawn(serve(a)); s.spawn(serve(b)); co_return; };
//     auto done = co_await weft::with_scope(body);
//
// The body must be a named object, which is alive as long as the scope: a temporary closure would be destroyed twice by
// GCC 12 and, anywhere, be gone before the tasks that use its captures. A stop is passed on to all children. Resumes on
// the owner's executor. Allocates the body's frame and one branch header a child.
template <class F> with_scope_operation<F> with_scope(F& body) noexcept {
    return with_scope_operation<F>(body);
}
template <class F>
    requires(!std::is_lvalue_reference_v<F>)
with_scope_operation<F> with_scope(F&& body) noexcept {
    static_assert(std::is_empty_v<F>,
                  "name the body first: auto body = [&](weft::scope& s) -> weft::task<> {…}; "
                  "co_await weft::with_scope(body);");
    return with_scope_operation<F>(body);
}

template <class T> join_operation<T> join_handle<T>::join() noexcept { return join_operation<T>(*this); }

} // namespace weft
