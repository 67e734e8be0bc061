#include "testing.hpp"

#include <cmath>
#include <limits>
#include <random>

namespace kv {
namespace {

TEST(text, integers) {
    EXPECT_EQ(parse_integer("0"), 0);
    EXPECT_EQ(parse_integer("-1"), -1);
    EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(parse_integer("-9223372036854775808"), INT64_MIN);
    for (text bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "00", "9223372036854775808",
                     "-9223372036854775809", "1x", "99999999999999999999"})
        EXPECT_FALSE(parse_integer(bad)) << bad;
    for (std::int64_t v :
         {std::int64_t{0}, INT64_MAX, INT64_MIN, std::int64_t{-1}, std::int64_t{1234567890123}})
        EXPECT_EQ(digits{v}.view(), std::to_string(v));
    EXPECT_EQ(digits{UINT64_MAX}.view(), "18446744073709551615");
}

TEST(text, sizes) {
    for (auto [written, bytes] : {std::pair{"0"sv, 0ull},
                                  {"1"sv, 1ull},
                                  {"2b"sv, 2ull},
                                  {"3k"sv, 3000ull},
                                  {"3KB"sv, 3072ull},
                                  {"64mb"sv, 64ull << 20},
                                  {"5m"sv, 5'000'000ull},
                                  {"2gB"sv, 2ull << 30},
                                  {"7G"sv, 7'000'000'000ull}})
        EXPECT_EQ(parse_size(written), bytes) << written;
    for (text bad :
         {"", "kb", "-1", "1 kb", "1.5mb", "1kbb", "1tb", "9223372036854775807kb", "99999999999999999999"})
        EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(text, floats_are_read_as_the_library_reads_them) {
    for (const char* s :
         {"0", "1", "-1", "10.5", "0.1", "1e10", "1E-10", "1e+5", ".5", "5.", "123456789012345678", "-0.0",
          "9007199254740993", "1e27", "1e-27", "+7", "inf", "-Infinity"})
        EXPECT_EQ(parse_float(s), strtold(s, nullptr)) << s;
    for (text bad : {"", ".", "-", "e5", "1e", "1e+", "abc", "1x", " 1", "1 ", "nan", "1.2.3", "--1"})
        EXPECT_FALSE(parse_float(bad)) << bad;
    for (const char* s :
         {"1e300", "1e-300", "1e4000", "123456789012345678901234567890", "3.14159265358979323846"})
        EXPECT_NEAR(static_cast<double>(*parse_float(s) / strtold(s, nullptr)), 1, 1e-17) << s;
    EXPECT_TRUE(std::isinf(*parse_float("1e99999999999999999999")));
    EXPECT_EQ(parse_float("1e-99999999999999999999"), 0);
}

// What printf gives, with the zeros at the end removed: Redis's form.
std::string by_printf(long double v) {
    std::vector<char> buffer(6000);
    std::string s(buffer.data(),
                  static_cast<std::size_t>(std::snprintf(buffer.data(), buffer.size(), "%.17Lf", v)));
    while (s.back() == '0') s.pop_back();
    if (s.back() == '.') s.pop_back();
    return s == "-0" ? "0" : s;
}

TEST(text, floats_are_written_as_the_library_writes_them) {
    char buffer[float_text_size];
    std::mt19937_64 random{1};
    std::vector<long double> values{0.0L,
                                    -0.0L,
                                    1,
                                    -1,
                                    0.5L,
                                    1e-17L,
                                    5e-18L,
                                    4.9e-18L,
                                    1e-30L,
                                    0.1L,
                                    999999999.9999999999999999999L,
                                    1e18L,
                                    1e19L,
                                    1e300L,
                                    std::numeric_limits<long double>::max(),
                                    std::numeric_limits<long double>::denorm_min()};
    for (int i = 0; i < 3000; ++i)
        values.push_back(std::ldexp(static_cast<long double>(static_cast<std::int64_t>(random())),
                                    static_cast<int>(random() % 200) - 150));
    for (int i = 0; i < 200; ++i)
        values.push_back(std::ldexp(static_cast<long double>(random()), static_cast<int>(random() % 16000)));
    for (long double v : values) ASSERT_EQ(format_float(v, buffer), by_printf(v));
}

TEST(text, sums) {
    char buffer[float_text_size];
    EXPECT_EQ(format_sum(10.5L, 0.1L, buffer), "10.6");
    EXPECT_EQ(format_sum(std::numeric_limits<long double>::infinity(), 1, buffer), "");
    EXPECT_EQ(
        format_sum(std::numeric_limits<long double>::max(), std::numeric_limits<long double>::max(), buffer),
        "");
}

TEST(text, globs) {
    struct {
        text pattern, subject;
        bool matches;
    } const cases[] = {
        {"*", "", true},
        {"*", "anything", true},
        {"", "", true},
        {"", "a", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"h[ae]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-b]llo", "hbllo", true},
        {"h[b-a]llo", "hbllo", true},
        {"a\\*c", "a*c", true},
        {"a\\*c", "abc", false},
        {"[\\]]", "]", true},
        {"[abc", "a", true},
        {"a[", "ax", false},
        {"\\", "\\", true},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c", "xxaxxbxxcxx", false},
        {"a**b", "ab", true},
    };
    for (auto& c : cases)
        EXPECT_EQ(glob_match(c.pattern, c.subject), c.matches) << c.pattern << " " << c.subject;
    EXPECT_TRUE(glob_match("MAX*", "maxmemory", true));
    EXPECT_FALSE(glob_match("MAX*", "maxmemory"));
    // Not exponential: a pattern from a client must not stop the server.
    std::string pattern, subject(10000, 'a');
    for (int i = 0; i < 100; ++i) pattern += "*a";
    EXPECT_FALSE(glob_match(pattern + "b", subject));
}

} // namespace
} // namespace kv
