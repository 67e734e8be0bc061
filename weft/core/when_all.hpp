// when_all(a, b, …) and when_all(range): run all at the same time, and go on when the last has ended.
// Tests: core/combinator_test.cpp.
#pragma once

#include <tuple>

#include <weft/core/machine/operand_range.hpp>

namespace weft {

// The part that does not know how many operands there are: the first failure stops the others.
template <class Self> class when_all_base : public operation<Self, scope_base> {
  public:
    // For combinators: all tasks begin when the executor comes to them.
    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        self().start_operations(b.home());
        steal_deque* stealable = this->deque_of_home();
        if (!stealable || !self().template put_all_but<0>(*stealable)) self().start_tasks(b.home());
        return goes_on(b, then);
    }
    // The first task begins at once, in a branch of its own, and the others in the same, one after the other, for as long as
    // none has to wait and nobody else has begun them.
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h,
                                          const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        branch& b = *p.branch;
        this->open(b, frame_of(h));
        self().start_operations(b.home());
        steal_deque* stealable = this->deque_of_home();
        bool waiting = stealable && self().template put_all_but<1>(*stealable);
        if (waiting) [[likely]] {
            if (auto first = self().begin_first()) [[likely]]
                return first;
        }
        return start_slowly(b, frame_of(h), waiting);
    }

  protected:
    when_all_base() noexcept : operation<Self, scope_base>(kind_of_this) {}

    template <class F> void start_one(F& f, run_queue& level) noexcept {
        f.start(*this, level);
        if (!f.started()) fail(f.why_not_begun());
    }
    void fail(error e) noexcept {
        if (!first_failure_) first_failure_ = e;
        this->request_stop();
    }
    // Why the whole has failed; an exception comes out.
    error why_failed() {
        if (first_failure_.exception) [[unlikely]]
            std::move(first_failure_.exception).rethrow();
        return first_failure_.code;
    }
    template <class F> static auto value(F& f) {
        if constexpr (std::is_void_v<value_of<typename F::type>>)
            return unit();
        else
            return f.value();
    }

  private:
    Self& self() noexcept { return static_cast<Self&>(*this); }
    // True: there is something to wait for.
    bool goes_on(branch& b, continuation& then) noexcept {
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }
    // Where nothing could be waiting, or no branch header was at hand.
    [[gnu::noinline]] std::coroutine_handle<> start_slowly(branch& b, continuation& then,
                                                           bool waiting) noexcept {
        if (!waiting)
            self().start_tasks(b.home());
        else if (b.home().owner->branches.reserve())
            return self().begin_first();
        else
            fail(errc::out_of_memory);
        return goes_on(b, then) ? std::noop_coroutine() : then.handle();
    }
    static scope_base::disposition ended(scope_base& self, branch&, failure_cause* why) noexcept {
        auto& all = static_cast<when_all_base&>(self);
        if (why && !all.first_failure_) {
            all.first_failure_ = std::move(*why);
            all.stop_children();
        }
        return scope_base::disposition::keep_frame;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"when_all", &scope_base::cancel_children}, &ended, nullptr, nullptr, true};

    failure_cause first_failure_;
};

template <class... X>
class [[nodiscard("co_await it")]] when_all_operation : public when_all_base<when_all_operation<X...>> {
    using base = when_all_base<when_all_operation>;
    friend base;
    using values = std::tuple<value_or_unit<value_of<outcome_of<X>>>...>;

  public:
    using outcome = result<values>;

    explicit when_all_operation(X&... x) noexcept : operands_(x...) {}

    outcome await_resume() {
        if (error e = this->why_failed(); e != errc::none) return failure(e);
        return std::apply([](auto&... f) { return values(base::value(f)...); }, operands_);
    }

  private:
    template <class F> static constexpr bool of_task = is_task<typename F::argument>;
    static constexpr std::size_t tasks = (std::size_t{is_task<X>} + ... + 0);

    // Operations do not wait to be begun: they wait for the world.
    void start_operations(run_queue& level) noexcept {
        auto start = [&]<class F>(F& f) {
            if constexpr (!of_task<F>) this->start_one(f, level);
        };
        std::apply([&](auto&... f) { (start(f), ...); }, operands_);
    }
    void start_tasks(run_queue& level) noexcept {
        auto start = [&]<class F>(F& f) {
            if constexpr (of_task<F>) this->start_one(f, level);
        };
        std::apply([&](auto&... f) { (start(f), ...); }, operands_);
    }
    // The tasks, but for the first where it is begun at once, the earliest of them newest. False: none is waiting.
    template <std::size_t begun> WEFT_INLINE bool put_all_but(steal_deque& deque) noexcept {
        if constexpr (tasks == 0) {
            return false;
        } else {
            auto can_begin = []<class F>(F& f) {
                if constexpr (of_task<F>) return f.has_frame();
                return true;
            };
            auto all_can = [&](auto&... f) { return (can_begin(f) && ...); };
            if (!deque.has_room(tasks) || !std::apply(all_can, operands_)) [[unlikely]]
                return false;
            std::size_t place = tasks; // the compiler knows each
            auto put = [&]<class F>(F& f) {
                if constexpr (of_task<F>)
                    if (--place < tasks - begun) f.put_into(deque, place, *this);
            };
            std::apply([&](auto&... f) { (put(f), ...); }, operands_);
            this->let_steal(deque, tasks - begun);
            return true;
        }
    }
    std::coroutine_handle<> begin_first() noexcept {
        std::coroutine_handle<> first;
        auto begin = [&]<class F>(F& f) {
            if constexpr (of_task<F>) first = f.begin_first(*this);
            return of_task<F>;
        };
        std::apply([&](auto&... f) { (void)(begin(f) || ...); }, operands_);
        return first;
    }

    std::tuple<operand_for<X>...> operands_;
};

template <class T>
class [[nodiscard("co_await it")]] when_all_range_operation
    : public when_all_base<when_all_range_operation<T>> {
    using base = when_all_base<when_all_range_operation>;
    friend base;
    static constexpr bool has_values = !std::is_void_v<value_of<T>>;
    using values = fixed_array<value_or_unit<value_of<T>>>;

  public:
    using outcome = result<std::conditional_t<has_values, values, void>>;

    explicit when_all_range_operation(std::span<task<T>> tasks) noexcept
        : values_(values::with_room(has_values ? tasks.size() : 0)), operands_(operands_of(tasks)),
          has_memory_(operands_.size() == tasks.size() && (!has_values || values_.room() == tasks.size())) {}

    outcome await_resume() {
        if (error e = this->why_failed(); e != errc::none) return failure(e);
        if constexpr (has_values) {
            for (auto& f : operands_) values_.emplace_back(base::value(f));
            return std::move(values_);
        } else {
            return {};
        }
    }

  private:
    void start_operations(run_queue&) noexcept {}
    void start_tasks(run_queue& level) noexcept {
        if (!has_memory_) return this->fail(errc::out_of_memory);
        for (auto& f : operands_) this->start_one(f, level);
    }
    // As many as there is room for; the others take the way through the queue.
    template <std::size_t begun> bool put_all_but(steal_deque& deque) noexcept {
        if (!has_memory_ || operands_.empty()) return false;
        for (auto& f : operands_)
            if (!f.has_frame()) return false;
        std::size_t waiting = operands_.size() - begun;
        if (waiting > deque.free_room()) waiting = deque.free_room();
        for (std::size_t i = 0; i < waiting; ++i)
            operands_[begun + i].put_into(deque, waiting - 1 - i, *this);
        this->let_steal(deque, waiting);
        for (std::size_t i = begun + waiting; i < operands_.size(); ++i)
            this->start_one(operands_[i], this->owner->home());
        return true;
    }
    std::coroutine_handle<> begin_first() noexcept { return operands_[0].begin_first(*this); }

    values values_;
    fixed_array<operand<task<T>>> operands_;
    bool has_memory_;
};

// Runs every operand (a task, or an operation) at the same time as the others and waits for all. Yields a result of a
// std::tuple of the values, with weft::unit for void. The first failure asks the others to stop, and is what comes out when
// they have ended; exceptions likewise. A stop is passed on to all operands. Operations are started at once. Of the tasks
// the first begins at once, and the others in their order, each when the one before has ended or has to wait; what else is
// ready has its turns in between. On several workers, those that have nothing to do begin the last ones. Resumes on the
// owner's executor. Allocates a branch header, and a further one for each operand that begins while others wait or run;
// without memory errc::out_of_memory, for an empty task errc::invalid_argument, when those that did start have ended.
template <operand_argument... X> auto when_all(X&&... x) noexcept {
    static_assert(((!std::is_lvalue_reference_v<X> || operation_like<std::remove_reference_t<X>>) && ...),
                  "pass tasks with std::move: when_all takes them over");
    return when_all_operation<std::remove_cvref_t<X>...>(x...);
}

// The same for a range of tasks of one type: a std::span, std::vector, std::array or array of task<T>. Yields a result of
// a weft::fixed_array of the values, in the order of the tasks, or result<void> if they have none; none at all from an
// empty range. The tasks are taken out of the range at once. Allocates two blocks from the port, for the operands (about
// 56 bytes each on 64-bit hosts) and for the values, and one branch header an operand; nothing is started without the
// blocks. All of it is given back when the operation and the values are gone.
template <task_range R> auto when_all(R&& tasks) noexcept {
    static_assert(detail::may_be_emptied<R>, WEFT_MOVE_THE_RANGE);
    return when_all_range_operation(std::span(std::data(tasks), std::size(tasks)));
}

} // namespace weft
