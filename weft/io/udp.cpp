#include <weft/io/udp.hpp>

namespace weft {

result<udp_socket> udp_socket::bind(const endpoint& at, const udp_options& options) noexcept {
    if (!at.is_ip()) return failure(errc::invalid_argument);
    result<native_handle> opened = host::open_socket(at.family(), socket_type::datagram);
    if (!opened) return failure(opened.error());
    descriptor d(*opened);
    struct {
        bool wanted;
        socket_option option;
    } const settings[] = {
        {options.reuse_address, socket_option::reuse_address},
        {options.reuse_port, socket_option::reuse_port},
        {options.only_ipv6 && at.family() == endpoint::kind::ipv6, socket_option::only_ipv6},
        {options.broadcast, socket_option::broadcast},
    };
    for (auto [wanted, option] : settings) {
        if (!wanted) continue;
        if (result<void> r = host::set_option(d.native(), option, 1); !r) return failure(r.error());
    }
    if (result<void> r = host::bind(d.native(), at); !r) return failure(r.error());
    return udp_socket(std::move(d));
}

} // namespace weft
