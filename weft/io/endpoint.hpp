// endpoint: where a socket is, as an address that people can write: IPv4, IPv6, or a path. No name look-up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weft/core/result.hpp>
#include <weft/ports/host/limits.hpp>

namespace weft {

// A value, of 128 bytes at most. No allocation.
class endpoint {
  public:
    enum class kind : std::uint8_t { none, ipv4, ipv6, unix_path };
    static constexpr std::size_t max_path = host::max_socket_path;
    // Room for whatever format() writes.
    static constexpr std::size_t max_text = 128;

    endpoint() noexcept = default; // none: the system chooses, where that makes sense

    static endpoint ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept;
    // `scope` is the number of an interface, for link-local addresses.
    static endpoint ipv6(const std::array<std::uint8_t, 16>& address, std::uint16_t port,
                         std::uint32_t scope = 0) noexcept;
    static endpoint loopback(std::uint16_t port) noexcept { return ipv4({127, 0, 0, 1}, port); }
    static endpoint loopback6(std::uint16_t port) noexcept;
    static endpoint any(std::uint16_t port) noexcept { return ipv4({0, 0, 0, 0}, port); }
    static endpoint any6(std::uint16_t port) noexcept { return ipv6({}, port); }
    // A socket in the file system; a path that begins with a zero byte names one in the abstract name space. Errors:
    // invalid_argument for an empty path or one of more than max_path bytes.
    static result<endpoint> unix_path(std::string_view path) noexcept;

    // "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80", "unix:/run/name", "unix:@abstract". Errors: invalid_argument.
    static result<endpoint> parse(std::string_view text) noexcept;
    // The same text, in the buffer; IPv6 in its shortest form (RFC 5952). Empty for `none`, or if the buffer is smaller
    // than the text.
    std::string_view format(std::span<char> buffer) const noexcept;

    kind family() const noexcept { return kind_; }
    bool is_ip() const noexcept { return kind_ == kind::ipv4 || kind_ == kind::ipv6; }
    std::uint16_t port() const noexcept { return port_; } // 0 for a path
    std::uint32_t scope() const noexcept { return scope_; }
    // 4 or 16 bytes, in network order, or the bytes of the path.
    std::string_view bytes() const noexcept { return {bytes_, length_}; }

    friend bool operator==(const endpoint& a, const endpoint& b) noexcept {
        return a.kind_ == b.kind_ && a.port_ == b.port_ && a.scope_ == b.scope_ && a.bytes() == b.bytes();
    }

  private:
    static result<endpoint> parse_ipv4(std::string_view text) noexcept;
    static result<endpoint> parse_ipv6(std::string_view text) noexcept;

    kind kind_ = kind::none;
    std::uint8_t length_ = 0;
    std::uint16_t port_ = 0;
    std::uint32_t scope_ = 0;
    char bytes_[max_path + 1] = {};
};

} // namespace weft
