// Numbers and words as Redis reads and writes them, without a locale or a heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace kv {

using text = std::string_view;
using namespace std::string_view_literals; // "…"sv: a length known now, not found by strlen

// The checked members of string_view can throw, which would pull in the C++ library: this one clamps.
constexpr text slice(text s, std::size_t from, std::size_t count = SIZE_MAX) {
    if (from > s.size()) from = s.size();
    return {s.data() + from, count < s.size() - from ? count : s.size() - from};
}

constexpr char fold(char c) {
    return static_cast<char>(c + (static_cast<unsigned char>(c - 'A') < 26 ? 32 : 0));
}
constexpr bool same_word(text any_case, text lower) {
    if (any_case.size() != lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i)
        if (fold(any_case[i]) != lower[i]) return false;
    return true;
}

// Canonical decimal only: no sign '+', spaces, leading zeros or "-0"; nothing on overflow.
constexpr std::optional<std::int64_t> parse_integer(text s) {
    bool negative = !s.empty() && s[0] == '-';
    if (negative) s.remove_prefix(1);
    if (s.empty() || s.size() > 19 || (s[0] == '0' && (negative || s.size() > 1))) return {};
    std::uint64_t value = 0; // 19 digits always fit
    for (char c : s) {
        auto digit = static_cast<unsigned>(c - '0');
        if (digit > 9) return {};
        value = value * 10 + digit;
    }
    if (value > std::uint64_t{INT64_MAX} + negative) return {};
    return static_cast<std::int64_t>(negative ? 0 - value : value);
}

// A number of bytes, "64mb", as Redis's configuration has it: k is 1000, kb is 1024.
std::optional<std::size_t> parse_size(text s);

// A number as text, in place.
class digits {
  public:
    constexpr explicit digits(std::uint64_t value, bool negative = false) {
        do {
            buffer_[--start_] = static_cast<char>('0' + value % 10);
        } while (value /= 10);
        if (negative) buffer_[--start_] = '-';
    }
    constexpr explicit digits(std::int64_t value)
        : digits(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value),
                 value < 0) {}
    constexpr explicit digits(int value) : digits(static_cast<std::int64_t>(value)) {}
    constexpr text view() const { return {buffer_ + start_, sizeof buffer_ - start_}; }
    constexpr operator text() const { return view(); }

  private:
    char buffer_[20];
    unsigned start_ = sizeof buffer_;
};

// Decimal floating point, "inf" and "infinity"; not "nan". Right to the last bit for up to 19 significant digits
// and exponents up to 27, which a long double of 64 bits holds exactly; beyond, within a few units of the last place.
std::optional<long double> parse_float(text s);

inline constexpr std::size_t float_text_size =
    5200; // the longest finite long double has 4933 digits before the point
// As printf's "%.17Lf" with the zeros at the end removed: what INCRBYFLOAT answers.
text format_float(long double value, std::span<char, float_text_size> buffer);
// The sum as text, for the commands that add; empty if it isn't a number or not finite.
text format_sum(long double a, long double b, std::span<char, float_text_size> buffer);

// Redis's glob: * ? [a-z] [^a-z] \x.
bool glob_match(text pattern, text subject, bool ignore_case = false);

} // namespace kv
