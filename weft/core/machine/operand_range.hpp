// The operands of a combinator over a range: a task each, all of one type.
#pragma once

#include <iterator>
#include <span>

#include <weft/core/fixed_array.hpp>
#include <weft/core/machine/operand.hpp>

namespace weft {

// A contiguous range of tasks: a std::span, std::vector, std::array or array of task<T>.
template <class R>
concept task_range = requires(R& r) {
    std::data(r);
    std::size(r);
    requires is_task<std::remove_pointer_t<decltype(std::data(r))>>;
};

namespace detail {

template <class R> inline constexpr bool is_span = false;
template <class T, std::size_t n> inline constexpr bool is_span<std::span<T, n>> = true;

// A range that owns its tasks is handed over as a task is; a span says by itself that the tasks are another's.
template <class R>
inline constexpr bool may_be_emptied = !std::is_lvalue_reference_v<R> || is_span<std::remove_cvref_t<R>>;

} // namespace detail

#define WEFT_MOVE_THE_RANGE                                                                                  \
    "pass a range of tasks with std::move, or as a std::span: its tasks are taken over"

// An operand for each task, which is taken out of the range; without memory none, and the tasks stay where they are.
template <class T> fixed_array<operand<task<T>>> operands_of(std::span<task<T>> tasks) noexcept {
    auto operands = fixed_array<operand<task<T>>>::with_room(tasks.size());
    if (operands.room() == 0) return operands;
    for (task<T>& t : tasks) operands.emplace_back(std::move(t));
    return operands;
}

} // namespace weft
