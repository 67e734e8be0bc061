// when_all(a, b, …) and when_all(range): run all at the same time, and go on when the last has ended.
#pragma once

#include <tuple>

#include <weft/core/fork_range.hpp>

namespace weft {

// The part that does not know how many operands there are: the first failure stops the others.
template <class Self> class when_all_base : public operation<Self, scope_base> {
  public:
    // For combinators: the first task begins when the executor comes to it.
    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        fork_base* first = start_all_but_first(b.home());
        if (first && !this->keep_for_later(*first)) fail(errc::out_of_memory);
        return goes_on(b, then);
    }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h,
                                          const void* site = WEFT_AWAIT_SITE) noexcept {
        static_assert(weft_promise<P>, "weft's operations can be awaited in a weft::task only");
        promise_base& p = h.promise();
        p.site = site;
        branch& b = *p.branch;
        this->open(b, frame_of(h));
        fork_base* first = start_all_but_first(b.home());
        if (first) [[likely]] {
            if (branch* child = this->begin_first(first->not_begun())) [[likely]]
                return first->begin_on(*child);
            fail(errc::out_of_memory);
        }
        return goes_on(b, frame_of(h)) ? std::coroutine_handle<>(std::noop_coroutine()) : h;
    }

  protected:
    when_all_base() noexcept : operation<Self, scope_base>(kind_of_this) {}

    template <class F> void start_one(F& f, ready_level& level) noexcept {
        f.start(*this, level);
        if (!f.started()) fail(errc::out_of_memory);
    }
    template <class F> WEFT_INLINE void start_later(F& f, ready_level& level) noexcept {
        if (!f.start_later(*this, level)) [[unlikely]]
            fail(errc::out_of_memory);
    }
    template <class F> WEFT_INLINE fork_base* first_to_begin(F& f) noexcept {
        fork_base* first = f.will_begin_in(*this);
        if (!first) [[unlikely]]
            fail(errc::out_of_memory);
        return first;
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
    // The first of the tasks, if it is yet to begin.
    WEFT_INLINE fork_base* start_all_but_first(ready_level& level) noexcept {
        auto& self = static_cast<Self&>(*this);
        if (this->keeps_for_later()) [[likely]]
            return self.keep_all_but_first(level);
        self.start_all(level);
        return nullptr;
    }
    // True: there is something to wait for.
    [[gnu::noinline]] bool goes_on(branch& b, continuation& then) noexcept {
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }
    static scope_base::fate ended(scope_base& self, branch&, failure_cause* why) noexcept {
        auto& all = static_cast<when_all_base&>(self);
        if (why && !all.first_failure_) {
            all.first_failure_ = std::move(*why);
            all.stop_children();
        }
        return scope_base::fate::keep_frame;
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"when_all", &scope_base::cancel_children}, &ended, nullptr, nullptr, true};

    failure_cause first_failure_;
};

template <class... X>
class [[nodiscard("co_await it")]] when_all_operation : public when_all_base<when_all_operation<X...>> {
    using base = when_all_base<when_all_operation>;
    friend base;
    using values = std::tuple<something<value_of<outcome_of<X>>>...>;

  public:
    using outcome = result<values>;

    explicit when_all_operation(X&... x) noexcept : forks_(x...) {}

    outcome await_resume() {
        if (error e = this->why_failed(); e != errc::none) return failure(e);
        return std::apply([](auto&... f) { return values(base::value(f)...); }, forks_);
    }

  private:
    static constexpr std::size_t first_task = [] {
        std::size_t i = 0;
        (void)((!is_task<X> && (++i, true)) && ...);
        return i;
    }();

    void start_all(ready_level& level) noexcept {
        std::apply([&](auto&... f) { (this->start_one(f, level), ...); }, forks_);
    }
    // What is kept for later is begun newest first. Operations are started at once: they wait for the world.
    WEFT_INLINE fork_base* keep_all_but_first(ready_level& level) noexcept {
        auto start_operation = [&]<class F>(F& f) {
            if constexpr (!is_task<typename F::operand>) this->start_one(f, level);
        };
        std::apply([&](auto&... f) { (start_operation(f), ...); }, forks_);
        if constexpr (first_task == sizeof...(X)) {
            return nullptr;
        } else {
            keep_from_last(level, std::make_index_sequence<sizeof...(X) - 1 - first_task>());
            return this->first_to_begin(std::get<first_task>(forks_));
        }
    }

    template <std::size_t... I>
    WEFT_INLINE void keep_from_last(ready_level& level, std::index_sequence<I...>) noexcept {
        [[maybe_unused]] auto keep = [&]<class F>(F& f) {
            if constexpr (is_task<typename F::operand>) this->start_later(f, level);
        };
        (keep(std::get<sizeof...(X) - 1 - I>(forks_)), ...);
    }

    std::tuple<fork_for<X>...> forks_;
};

template <class T>
class [[nodiscard("co_await it")]] when_all_range_operation
    : public when_all_base<when_all_range_operation<T>> {
    using base = when_all_base<when_all_range_operation>;
    friend base;
    static constexpr bool has_values = !std::is_void_v<value_of<T>>;
    using values = fixed_array<something<value_of<T>>>;

  public:
    using outcome = result<std::conditional_t<has_values, values, void>>;

    explicit when_all_range_operation(std::span<task<T>> tasks) noexcept
        : values_(values::with_room(has_values ? tasks.size() : 0)), forks_(forks_of(tasks)),
          has_memory_(forks_.size() == tasks.size() && (!has_values || values_.room() == tasks.size())) {}

    outcome await_resume() {
        if (error e = this->why_failed(); e != errc::none) return failure(e);
        if constexpr (has_values) {
            for (auto& f : forks_) values_.emplace_back(base::value(f));
            return std::move(values_);
        } else {
            return {};
        }
    }

  private:
    void start_all(ready_level& level) noexcept {
        if (!has_memory_) return this->fail(errc::out_of_memory);
        for (auto& f : forks_) this->start_one(f, level);
    }
    fork_base* keep_all_but_first(ready_level& level) noexcept {
        if (!has_memory_) this->fail(errc::out_of_memory);
        if (!has_memory_ || forks_.empty()) return nullptr;
        for (std::size_t i = forks_.size() - 1; i > 0; --i) this->start_later(forks_[i], level);
        return this->first_to_begin(forks_[0]);
    }

    values values_;
    fixed_array<fork<task<T>>> forks_;
    bool has_memory_;
};

// Runs every operand (a task, or an operation) on a branch of its own and waits for all. Yields a result of a std::tuple
// of the values, with weft::unit for void. The first failure asks the others to stop, and is what comes out when they
// have ended; exceptions likewise. A stop is passed on to all operands. Operations are started at once. Tasks are begun in
// their order, ahead of what else is ready though not at its cost; one that has to wait lets the next begin. On several
// workers, those that have nothing to do begin the last ones. Resumes on the owner's executor. Allocates one
// branch header an operand; without memory errc::out_of_memory, when those that did start have ended.
template <forkable... X> auto when_all(X&&... x) noexcept {
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
