// Numbers that look random from any state, for ports without a better source: SplitMix64, by Steele, Lea and Flood.
#pragma once

#include <cstdint>

namespace weft {

inline constexpr std::uint64_t split_mix_step = 0x9e3779b97f4a7c15;

inline std::uint64_t split_mix(std::uint64_t state) noexcept {
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    return state ^ state >> 31;
}

} // namespace weft
