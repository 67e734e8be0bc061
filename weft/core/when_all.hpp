// when_all(a, b, …) and when_all(range): run all at the same time, and go on when the last has ended.
#pragma once

#include <tuple>

#include <weft/core/fork_range.hpp>

namespace weft {

// The part that does not know how many operands there are: the first failure stops the others.
template <class Self> class when_all_base : public operation<Self, scope_base> {
  public:
    bool start(branch& b, continuation& then) noexcept {
        this->open(b, then);
        static_cast<Self*>(this)->start_forks(this->default_level(), this->keeps_for_later());
        if (!this->drop_hold()) return true;
        return this->finish_now(b, then);
    }

  protected:
    when_all_base() noexcept : operation<Self, scope_base>(kind_of_this) {}

    template <class F> void start_one(F& f, ready_level& level) noexcept {
        f.start(*this, level);
        if (!f.started()) fail(errc::out_of_memory);
    }
    template <class F> void start_later(F& f, ready_level& level) noexcept {
        if (!f.start_later(*this, level)) fail(errc::out_of_memory);
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
            return *f.take();
    }

  private:
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
    // What is kept for later is begun newest first: so the first task, kept last, is the first to go. Operations are
    // started at once: they wait for the world.
    void start_forks(ready_level& level, bool keep) noexcept {
        auto start_now = [&](auto& f) {
            if (!keep || !is_task<typename std::remove_reference_t<decltype(f)>::operand>)
                this->start_one(f, level);
        };
        std::apply([&](auto&... f) { (start_now(f), ...); }, forks_);
        if (keep) keep_from_last(level, std::index_sequence_for<X...>());
    }

    template <std::size_t... I> void keep_from_last(ready_level& level, std::index_sequence<I...>) noexcept {
        auto keep = [&](auto& f) {
            if constexpr (is_task<typename std::remove_reference_t<decltype(f)>::operand>)
                this->start_later(f, level);
        };
        (keep(std::get<sizeof...(I) - 1 - I>(forks_)), ...);
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
    void start_forks(ready_level& level, bool keep) noexcept {
        if (!has_memory_) return this->fail(errc::out_of_memory);
        if (!keep) {
            for (auto& f : forks_) this->start_one(f, level);
            return;
        }
        for (std::size_t i = forks_.size(); i > 0; --i) this->start_later(forks_[i - 1], level);
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
