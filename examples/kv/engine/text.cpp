#include "text.hpp"

#include <array>
#include <bit>
#include <limits>

namespace kv {

std::optional<std::size_t> parse_size(text s) {
    constexpr struct {
        text name;
        std::uint64_t factor;
    } units[] = {{"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
                 {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30}};
    std::size_t digits = 0, size;
    while (digits < s.size() && static_cast<unsigned>(s[digits] - '0') <= 9) ++digits;
    auto number = parse_integer(slice(s, 0, digits));
    for (auto& u : units)
        if (number && same_word(slice(s, digits), u.name) &&
            !__builtin_mul_overflow(static_cast<std::uint64_t>(*number), u.factor, &size))
            return size;
    return {};
}

std::optional<long double> parse_float(text s) {
    bool negative = !s.empty() && s[0] == '-';
    if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
    if (same_word(s, "inf") || same_word(s, "infinity")) {
        auto infinite = std::numeric_limits<long double>::infinity();
        return negative ? -infinite : infinite;
    }
    std::uint64_t mantissa = 0;
    int exponent = 0;
    bool any = false, point = false;
    std::size_t i = 0;
    for (; i < s.size(); ++i) {
        if (s[i] == '.' && !point) {
            point = true;
            continue;
        }
        auto digit = static_cast<unsigned>(s[i] - '0');
        if (digit > 9) break;
        any = true;
        if (mantissa < UINT64_MAX / 10 - 1) {
            mantissa = mantissa * 10 + digit;
            exponent -= point;
        } else {
            exponent += !point;
        }
    }
    if (!any) return {};
    if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
        bool down = ++i < s.size() && s[i] == '-';
        if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
        if (i == s.size()) return {};
        int written = 0;
        for (; i < s.size() && static_cast<unsigned>(s[i] - '0') <= 9; ++i)
            if (written < 100000) written = written * 10 + (s[i] - '0');
        exponent += down ? -written : written;
    }
    if (i != s.size()) return {};
    auto value = static_cast<long double>(mantissa);
    // One exact power and one rounding as far as 10^27; larger exponents in steps.
    for (int left = exponent; left != 0 && value != 0 && value <= std::numeric_limits<long double>::max();) {
        int step = left > 0 ? (left < 27 ? left : 27) : (left > -27 ? -left : 27);
        long double power = 1;
        for (int k = 0; k < step; ++k) power *= 10;
        if (left > 0) {
            value *= power;
            left -= step;
        } else {
            value /= power;
            left += step;
        }
    }
    return negative ? -value : value;
}

text format_float(long double value, std::span<char, float_text_size> buffer) {
    constexpr int decimals = 17;
    char* out = buffer.data();
    if (value < 0) {
        *out++ = '-';
        value = -value;
    }
    // The whole part in base 10^9, most significant last. Scaling by powers of two is exact, so no digit is guessed.
    std::array<std::uint32_t, 552> whole{};
    std::size_t limbs = 0;
    long double scaled = value;
    int doublings = 0;
    for (; scaled >= 0x1p62L; scaled *= 0.5L) ++doublings;
    auto head = static_cast<std::uint64_t>(scaled);
    long double fraction = scaled - static_cast<long double>(head);
    for (; head; head /= 1000000000) whole[limbs++] = static_cast<std::uint32_t>(head % 1000000000);
    for (; doublings; --doublings) { // the bits that were scaled away come back one at a time
        fraction *= 2;
        std::uint32_t carry = fraction >= 1;
        if (carry) fraction -= 1;
        for (std::size_t i = 0; i < limbs; ++i) {
            std::uint32_t twice = whole[i] * 2 + carry;
            carry = twice >= 1000000000;
            whole[i] = carry ? twice - 1000000000 : twice;
        }
        if (carry) whole[limbs++] = 1;
    }
    // The fraction as a binary fixed point of 128 bits, multiplied out digit by digit.
    std::array<std::uint32_t, 4> bits;
    for (auto& limb : bits) {
        fraction *= 0x1p32L;
        limb = static_cast<std::uint32_t>(fraction);
        fraction -= static_cast<long double>(limb);
    }
    char tail[decimals];
    for (char& digit : tail) {
        std::uint64_t carry = 0;
        for (std::size_t i = bits.size(); i-- > 0;) {
            carry += std::uint64_t{bits[i]} * 10;
            bits[i] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        digit = static_cast<char>('0' + carry);
    }
    bool exactly_half = bits[0] == 0x80000000 && !(bits[1] | bits[2] | bits[3]) && fraction == 0;
    bool up = exactly_half ? (tail[decimals - 1] - '0') & 1 : bits[0] >= 0x80000000;
    for (int i = decimals; up && i-- > 0;) {
        up = tail[i] == '9';
        tail[i] = up ? '0' : static_cast<char>(tail[i] + 1);
    }
    for (std::size_t i = 0; up; ++i) {
        if (i == limbs) whole[limbs++] = 0;
        up = ++whole[i] == 1000000000;
        if (up) whole[i] = 0;
    }

    if (limbs == 0) whole[limbs++] = 0;
    for (std::size_t i = limbs; i-- > 0;) {
        digits number{std::uint64_t{whole[i]}};
        text group = number.view();
        if (i + 1 < limbs)
            for (std::size_t zeros = 9 - group.size(); zeros; --zeros) *out++ = '0';
        std::memcpy(out, group.data(), group.size());
        out += group.size();
    }
    int kept = decimals;
    while (kept && tail[kept - 1] == '0') --kept;
    if (kept) {
        *out++ = '.';
        std::memcpy(out, tail, static_cast<std::size_t>(kept));
        out += kept;
    }
    text result{buffer.data(), static_cast<std::size_t>(out - buffer.data())};
    return result == "-0" ? slice(result, 1) : result;
}

text format_sum(long double a, long double b, std::span<char, float_text_size> buffer) {
    long double sum = a + b, most = std::numeric_limits<long double>::max();
    return sum >= -most && sum <= most ? format_float(sum, buffer) : text{};
}

namespace {

// One pattern element other than '*' against one character; moves `p` behind the element.
bool match_one(const char*& p, const char* end, char c, bool ignore_case) {
    auto same = [&](char x) { return (ignore_case ? fold(x) : x) == c; };
    if (ignore_case) c = fold(c);
    if (*p == '?') {
        ++p;
        return true;
    }
    if (*p != '[') {
        if (*p == '\\' && end - p >= 2) ++p;
        return same(*p++);
    }
    ++p;
    bool inverted = p < end && *p == '^', found = false;
    p += inverted;
    for (; p < end && *p != ']'; ++p) {
        if (*p == '\\' && end - p >= 2) {
            found |= same(*++p);
        } else if (end - p >= 3 && p[1] == '-') {
            auto low = static_cast<unsigned char>(ignore_case ? fold(p[0]) : p[0]);
            auto high = static_cast<unsigned char>(ignore_case ? fold(p[2]) : p[2]);
            auto x = static_cast<unsigned char>(c);
            found |= low <= high ? low <= x && x <= high : high <= x && x <= low;
            p += 2;
        } else {
            found |= same(*p);
        }
    }
    if (p < end) ++p; // an unclosed class ends with the pattern
    return found != inverted;
}

} // namespace

bool glob_match(text pattern, text subject, bool ignore_case) {
    const char *p = pattern.data(), *p_end = p + pattern.size();
    const char *s = subject.data(), *s_end = s + subject.size();
    const char *star = nullptr, *retry = nullptr; // only the last star ever needs another try
    while (s < s_end) {
        if (p < p_end && *p == '*') {
            star = ++p;
            retry = s;
            continue;
        }
        if (p < p_end && match_one(p, p_end, *s, ignore_case)) {
            ++s;
            continue;
        }
        if (!star) return false;
        p = star;
        s = ++retry;
    }
    while (p < p_end && *p == '*') ++p;
    return p == p_end;
}

} // namespace kv
