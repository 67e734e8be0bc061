// Registers of devices that stand in memory. Tests: tests/chip/devices.cpp.
#pragma once

#include <cstdint>

namespace weft {

// The register at this address: each read and write of it is one access of its width, in the order of the program.
template <class Word = std::uint32_t> inline volatile Word& register_at(std::uintptr_t address) noexcept {
    return *reinterpret_cast<volatile Word*>(address);
}

} // namespace weft
