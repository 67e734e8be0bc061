// UDP: udp_socket.
#pragma once

#include <weft/io/byte_stream.hpp>
#include <weft/io/datagram.hpp>

namespace weft {

struct udp_options {
    udp_options() noexcept {}

    bool reuse_address = false;
    bool reuse_port = false;
    bool only_ipv6 = false;
    bool broadcast = false; // sending to a broadcast address is allowed
};

class udp_socket : public datagram_socket {
  public:
    using datagram_socket::datagram_socket;

    // Binds to an IPv4 or IPv6 endpoint; port 0 lets the system choose. Does not wait. Errors: address_in_use,
    // address_not_available, permission_denied, too_many_files, …
    static result<udp_socket> bind(const endpoint& at, const udp_options& options = udp_options()) noexcept;
};

static_assert(datagrams<udp_socket>);

} // namespace weft
