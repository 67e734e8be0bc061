// Registers of devices that stand in memory.
#pragma once

#include <cstdint>

namespace weft {

// The register at this address: each read and write of it is one access of its width, in the order of the program.
template <class Word = std::uint32_t> inline volatile Word& register_at(std::uintptr_t address) noexcept {
    return *reinterpret_cast<volatile Word*>(address);
}

// What was read and written before it, of memory and of registers, devices see before what comes after.
inline void device_fence() noexcept { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

} // namespace weft
