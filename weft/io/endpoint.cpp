#include <weft/io/endpoint.hpp>

#include <charconv>
#include <cstring>

namespace weft {

namespace {

// A decimal number of at most `most`, without signs or leading zeros.
bool number(std::string_view text, std::uint32_t most, std::uint32_t& out) noexcept {
    if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return false;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    return problem == std::errc() && end == text.data() + text.size() && out <= most;
}

bool port_number(std::string_view text, std::uint16_t& out) noexcept {
    std::uint32_t n;
    if (!number(text, 65535, n)) return false;
    out = static_cast<std::uint16_t>(n);
    return true;
}

bool dotted(std::string_view text, std::uint8_t* out) noexcept {
    for (int i = 0; i < 4; ++i) {
        std::size_t end = i < 3 ? text.find('.') : text.size();
        std::uint32_t n;
        if (end == std::string_view::npos || !number(text.substr(0, end), 255, n)) return false;
        out[i] = static_cast<std::uint8_t>(n);
        if (i < 3) text.remove_prefix(end + 1);
    }
    return true;
}

// RFC 4291, section 2.2.
bool colons(std::string_view text, std::array<std::uint8_t, 16>& out) noexcept {
    std::uint8_t tail[16];
    std::size_t head_size = 0, tail_size = 0;
    bool gap = false;
    auto put = [&](std::uint8_t byte) {
        if (gap)
            tail[tail_size++] = byte;
        else
            out[head_size++] = byte;
    };
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        if (head_size + tail_size > 14) return false;
        std::size_t end = text.find(':');
        std::string_view group = text.substr(0, end);
        if (group.find('.') != std::string_view::npos) {
            std::uint8_t ip[4];
            if (end != std::string_view::npos || head_size + tail_size > 12 || !dotted(group, ip))
                return false;
            for (std::uint8_t byte : ip) put(byte);
            break;
        }
        unsigned value;
        auto [stop, problem] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
        if (group.empty() || group.size() > 4 || problem != std::errc() ||
            stop != group.data() + group.size())
            return false;
        put(static_cast<std::uint8_t>(value >> 8));
        put(static_cast<std::uint8_t>(value));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
        if (text.empty()) return false; // a lone colon at the end
        if (text[0] == ':') {
            if (gap) return false;
            gap = true;
            text.remove_prefix(1);
        }
    }
    std::size_t known = head_size + tail_size;
    if (gap ? known > 14 : known != 16) return false;
    std::memset(out.data() + head_size, 0, 16 - known);
    std::memcpy(out.data() + 16 - tail_size, tail, tail_size);
    return true;
}

// Appends to a buffer, and remembers if it was too small.
struct writer {
    char* at;
    char* end;
    bool fits = true;

    void text(std::string_view s) noexcept {
        if (static_cast<std::size_t>(end - at) < s.size()) {
            fits = false;
            return;
        }
        std::memcpy(at, s.data(), s.size());
        at += s.size();
    }
    void digits(std::uint32_t n, int base = 10) noexcept {
        char room[12];
        auto [stop, problem] = std::to_chars(room, room + sizeof room, n, base);
        text({room, static_cast<std::size_t>(stop - room)});
    }
};

// RFC 5952, section 4: the longest run of two or more zero groups, the first of equals, becomes "::".
void shortest(writer& w, std::string_view bytes) noexcept {
    std::uint32_t groups[8];
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[2 * i]) << 8 |
                                               static_cast<std::uint8_t>(bytes[2 * i + 1]));
    std::size_t best = 8, length = 1;
    for (std::size_t i = 0; i < 8;) {
        std::size_t run = 0;
        while (i + run < 8 && groups[i + run] == 0) ++run;
        if (run > length) {
            best = i;
            length = run;
        }
        i += run + 1;
    }
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            w.text("::");
            i += length - 1;
            continue;
        }
        if (i != 0 && i != best + length) w.text(":");
        w.digits(groups[i], 16);
    }
}

} // namespace

endpoint endpoint::ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept {
    endpoint e;
    e.kind_ = kind::ipv4;
    e.port_ = port;
    e.length_ = 4;
    std::memcpy(e.bytes_, address.data(), 4);
    return e;
}

endpoint endpoint::ipv6(const std::array<std::uint8_t, 16>& address, std::uint16_t port,
                        std::uint32_t scope) noexcept {
    endpoint e;
    e.kind_ = kind::ipv6;
    e.port_ = port;
    e.scope_ = scope;
    e.length_ = 16;
    std::memcpy(e.bytes_, address.data(), 16);
    return e;
}

endpoint endpoint::loopback6(std::uint16_t port) noexcept {
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return ipv6(one, port);
}

result<endpoint> endpoint::unix_path(std::string_view path) noexcept {
    if (path.empty() || path.size() > max_path) return failure(errc::invalid_argument);
    endpoint e;
    e.kind_ = kind::unix_path;
    e.length_ = static_cast<std::uint8_t>(path.size());
    std::memcpy(e.bytes_, path.data(), path.size());
    return e;
}

result<endpoint> endpoint::parse_ipv4(std::string_view text) noexcept {
    std::size_t colon = text.rfind(':');
    std::array<std::uint8_t, 4> address;
    std::uint16_t port;
    if (colon == std::string_view::npos || !port_number(text.substr(colon + 1), port) ||
        !dotted(text.substr(0, colon), address.data()))
        return failure(errc::invalid_argument);
    return ipv4(address, port);
}

result<endpoint> endpoint::parse_ipv6(std::string_view text) noexcept {
    std::size_t close = text.find("]:");
    std::uint16_t port;
    if (close == std::string_view::npos || !port_number(text.substr(close + 2), port))
        return failure(errc::invalid_argument);
    std::string_view address = text.substr(1, close - 1);
    std::uint32_t scope = 0;
    if (std::size_t percent = address.find('%'); percent != std::string_view::npos) {
        if (!number(address.substr(percent + 1), UINT32_MAX, scope)) return failure(errc::invalid_argument);
        address = address.substr(0, percent);
    }
    std::array<std::uint8_t, 16> out;
    if (address.empty() || !colons(address, out)) return failure(errc::invalid_argument);
    return ipv6(out, port, scope);
}

result<endpoint> endpoint::parse(std::string_view text) noexcept {
    if (text.starts_with("unix:")) {
        text.remove_prefix(5);
        if (!text.starts_with('@')) return unix_path(text);
        result<endpoint> e = unix_path(text);
        if (e) e->bytes_[0] = '\0';
        return e;
    }
    return text.starts_with('[') ? parse_ipv6(text) : parse_ipv4(text);
}

std::string_view endpoint::format(std::span<char> buffer) const noexcept {
    writer w{buffer.data(), buffer.data() + buffer.size()};
    switch (kind_) {
    case kind::none: return {};
    case kind::ipv4:
        for (std::size_t i = 0; i < 4; ++i) {
            if (i) w.text(".");
            w.digits(static_cast<std::uint8_t>(bytes_[i]));
        }
        break;
    case kind::ipv6:
        w.text("[");
        shortest(w, bytes());
        if (scope_) {
            w.text("%");
            w.digits(scope_);
        }
        w.text("]");
        break;
    case kind::unix_path:
        w.text("unix:");
        if (bytes_[0]) {
            w.text(bytes());
        } else {
            w.text("@");
            w.text({bytes_ + 1, length_ - 1u});
        }
        break;
    }
    if (is_ip()) {
        w.text(":");
        w.digits(port_);
    }
    if (!w.fits) return {};
    return {buffer.data(), static_cast<std::size_t>(w.at - buffer.data())};
}

} // namespace weft
