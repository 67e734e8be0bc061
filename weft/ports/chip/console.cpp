#include <weft/ports/chip/console.hpp>

#include <weft/ports/chip/machine.hpp>

namespace weft::chip {

void print(const char* text) noexcept {
    for (; *text; ++text) machine::write(*text);
}

void print(std::int64_t number) noexcept {
    char digits[20];
    int n = 0;
    auto rest = static_cast<std::uint64_t>(number);
    if (number < 0) {
        machine::write('-');
        rest = -rest;
    }
    do {
        digits[n++] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest);
    while (n) machine::write(digits[--n]);
}

void print_hex(std::uintptr_t word) noexcept {
    print("0x");
    for (int shift = static_cast<int>(sizeof word) * 8 - 4; shift >= 0; shift -= 4)
        machine::write("0123456789abcdef"[word >> shift & 15]);
}

} // namespace weft::chip
