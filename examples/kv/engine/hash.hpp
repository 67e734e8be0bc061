// SipHash-1-3 against chosen keys, CRC32C against torn and damaged records.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kv {

inline std::uint64_t load_little(const char* p, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, p, count);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

inline void store_little(char* to, std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<char>(value >> 8 * i);
}

struct hash_seed {
    std::uint64_t first = 0, second = 0;
};

// Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with 1 compression and 3 finishing rounds, the
// variant hash tables use elsewhere too: an attacker who can't see hashes can't choose keys that share a bucket.
inline std::uint64_t sip_hash(std::string_view s, const hash_seed& seed) {
    std::uint64_t a = seed.first ^ 0x736f6d6570736575, b = seed.second ^ 0x646f72616e646f6d;
    std::uint64_t c = seed.first ^ 0x6c7967656e657261, d = seed.second ^ 0x7465646279746573;
    auto round = [&] {
        a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
        c += d, d = std::rotl(d, 16) ^ c;
        a += d, d = std::rotl(d, 21) ^ a;
        c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    };
    const char* p = s.data();
    std::size_t left = s.size();
    for (; left >= 8; left -= 8, p += 8) {
        std::uint64_t word = load_little(p, 8);
        d ^= word;
        round();
        a ^= word;
    }
    std::uint64_t last = std::uint64_t{s.size() & 0xff} << 56;
    for (std::size_t i = 0; i < left; ++i) last |= std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
    d ^= last;
    round();
    a ^= last;
    c ^= 0xff;
    round();
    round();
    round();
    return a ^ b ^ c ^ d;
}

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), four bytes a step.
inline constexpr auto crc32c_tables = [] {
    std::array<std::array<std::uint32_t, 256>, 4> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
        t[0][i] = c;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::size_t k = 1; k < 4; ++k) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
    return t;
}();

// The checksum of `s`, or of what `previous` is the checksum of followed by `s`.
inline std::uint32_t crc32c(std::string_view s, std::uint32_t previous = 0) {
    const auto& t = crc32c_tables;
    std::uint32_t c = ~previous;
    const char* p = s.data();
    std::size_t left = s.size();
    for (; left >= 4; left -= 4, p += 4) {
        c ^= static_cast<std::uint32_t>(load_little(p, 4));
        c = t[3][c & 0xff] ^ t[2][c >> 8 & 0xff] ^ t[1][c >> 16 & 0xff] ^ t[0][c >> 24];
    }
    for (; left; --left, ++p) c = c >> 8 ^ t[0][(c ^ static_cast<unsigned char>(*p)) & 0xff];
    return ~c;
}

} // namespace kv
