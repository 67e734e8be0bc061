#include "log.hpp"

#include "engine/text.hpp"

#include <algorithm>

#include <weft/ports/chip/machine.hpp>

namespace kv {

namespace {

void print(text s) {
    for (char c : s) weft::machine::write(c);
}

// What follows a '%' in the formats of this program: s, .*s, d and u, and these with l, ll and z. Moves `format` behind it.
void print_one(const char*& format, va_list& arguments) {
    std::size_t limit = SIZE_MAX;
    if (format[0] == '.' && format[1] == '*') {
        limit = static_cast<std::size_t>(std::max(va_arg(arguments, int), 0));
        format += 2;
    }
    int longs = 0;
    for (; *format == 'l'; ++format) ++longs;
    bool is_size = *format == 'z';
    format += is_size;
    switch (*format++) {
    case '%': return print("%"sv);
    case 's': {
        auto* s = va_arg(arguments, const char*);
        std::size_t size = 0;
        while (size < limit && s[size]) ++size;
        return print({s, size});
    }
    case 'd':
        return print(digits(longs == 2   ? static_cast<std::int64_t>(va_arg(arguments, long long))
                            : longs == 1 ? static_cast<std::int64_t>(va_arg(arguments, long))
                                         : std::int64_t{va_arg(arguments, int)}));
    case 'u':
        return print(digits(is_size      ? std::uint64_t{va_arg(arguments, std::size_t)}
                            : longs == 2 ? static_cast<std::uint64_t>(va_arg(arguments, unsigned long long))
                            : longs == 1 ? static_cast<std::uint64_t>(va_arg(arguments, unsigned long))
                                         : std::uint64_t{va_arg(arguments, unsigned)}));
    default: print("?"sv);
    }
}

} // namespace

void write_log_line(const char* level, const char* format, va_list arguments) {
    std::int64_t milliseconds = weft::machine::now() / 1'000'000;
    text fraction = "000"sv;
    digits rest(milliseconds % 1000);
    print(digits(milliseconds / 1000));
    print("."sv);
    print(slice(fraction, rest.view().size()));
    print(rest);
    print(" "sv);
    print(level);
    print(slice("        "sv, text(level).size()));
    while (*format) {
        if (*format != '%')
            weft::machine::write(*format++);
        else
            print_one(++format, arguments);
    }
    print("\n"sv);
}

} // namespace kv
