// The machine's console, polled: for start-up, tests and last words. Drivers do it with interrupts.
#pragma once

#include <cstdint>

namespace weft::chip {

// Any context; a character at a time, so that what is printed in an interrupt stands in the middle of other text.
void print(const char* text) noexcept;
void print(std::int64_t number) noexcept;
void print_hex(std::uintptr_t word) noexcept;

// Several in a row.
template <class... A> void print_all(A... a) noexcept { (print(a), ...); }

} // namespace weft::chip
