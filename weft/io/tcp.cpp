#include <weft/io/tcp.hpp>

namespace weft {

result<tcp_listener> tcp_listener::bind(const endpoint& at, const listen_options& options) noexcept {
    if (!at.is_ip()) return failure(errc::invalid_argument);
    result<native_handle> opened = host::open_socket(at.family(), socket_type::stream);
    if (!opened) return failure(opened.error());
    descriptor d(*opened);
    // Accepted connections inherit what is set here, and that saves a call each.
    struct {
        bool wanted;
        socket_option option;
    } const settings[] = {
        {options.reuse_address, socket_option::reuse_address},
        {options.reuse_port, socket_option::reuse_port},
        {options.only_ipv6 && at.family() == endpoint::kind::ipv6, socket_option::only_ipv6},
        {true, socket_option::no_delay},
    };
    for (auto [wanted, option] : settings) {
        if (!wanted) continue;
        if (result<void> r = host::set_option(d.native(), option, 1); !r) return failure(r.error());
    }
    if (result<void> r = host::bind(d.native(), at); !r) return failure(r.error());
    if (result<void> r = host::listen(d.native(), options.backlog); !r) return failure(r.error());
    return tcp_listener(std::move(d));
}

} // namespace weft
