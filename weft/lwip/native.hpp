// What the sockets on lwIP share: addresses, errors, and the pools that they come from.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <lwip/err.h>
#include <lwip/ip_addr.h>
#include <weft/core/result.hpp>
#include <weft/io/endpoint.hpp>

namespace weft::lwip {

error error_of(err_t e) noexcept;

inline result<void> to_native(const endpoint& at, ip_addr_t& address) noexcept {
    if (at.family() != endpoint::kind::ipv4) return failure(errc::not_supported);
    std::memcpy(&address.addr, at.bytes().data(), 4);
    return {};
}
inline endpoint from_native(const ip_addr_t& from, std::uint16_t port) noexcept {
    std::array<std::uint8_t, 4> address;
    std::memcpy(address.data(), &from.addr, 4);
    return endpoint::ipv4(address, port);
}

// One that is not `used`, made anew; nullptr if there is none.
template <class T, std::size_t N> T* claim(T (&pool)[N]) noexcept {
    T* found = std::find_if(pool, pool + N, [](const T& t) { return !t.used; });
    if (found == pool + N) return nullptr;
    std::construct_at(found); // new, and GCC 12 zeroes arrays of what points to itself
    found->used = true;
    return found;
}

} // namespace weft::lwip
