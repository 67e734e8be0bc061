// result<T>: a value or an error, as std::expected; and the traits that combinators ask about it.
// Tests: core/error_test.cpp.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include <weft/core/error.hpp>

namespace weft {

template <class T> using result = std::expected<T, error>;

// `return failure(errc::closed);` in any function that returns a result.
inline constexpr std::unexpected<error> failure(error e) noexcept { return std::unexpected<error>(e); }

template <class T> inline constexpr bool is_result = false;
template <class T> inline constexpr bool is_result<result<T>> = true;

namespace detail {

template <class T> struct value_of {
    using type = T;
};
template <class T> struct value_of<result<T>> {
    using type = T;
};

} // namespace detail

// T for T and for result<T>.
template <class T> using value_of = typename detail::value_of<T>::type;

// result<T> for T and for result<T>: what a combinator returns that adds an error of its own.
template <class T> using as_result = result<value_of<T>>;

} // namespace weft
