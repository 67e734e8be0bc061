#include <weft/io/unix.hpp>

namespace weft {

namespace {

template <class Socket> result<std::pair<Socket, Socket>> make_pair_of(socket_type type) noexcept {
    native_handle ends[2];
    if (result<void> r = host::open_socket_pair(type, ends); !r) return failure(r.error());
    return std::pair<Socket, Socket>(Socket(descriptor(ends[0])), Socket(descriptor(ends[1])));
}

result<descriptor> bound(const endpoint& at, socket_type type) noexcept {
    if (at.family() != endpoint::kind::unix_path) return failure(errc::invalid_argument);
    result<native_handle> opened = host::open_socket(at.family(), type);
    if (!opened) return failure(opened.error());
    descriptor d(*opened);
    if (result<void> r = host::bind(d.native(), at); !r) return failure(r.error());
    return d;
}

} // namespace

result<std::pair<unix_stream, unix_stream>> unix_stream::pair() noexcept {
    return make_pair_of<unix_stream>(socket_type::stream);
}

result<unix_listener> unix_listener::bind(const endpoint& at, int backlog) noexcept {
    result<descriptor> d = bound(at, socket_type::stream);
    if (!d) return failure(d.error());
    if (result<void> r = host::listen(d->native(), backlog); !r) return failure(r.error());
    return unix_listener(std::move(*d));
}

result<unix_datagram> unix_datagram::bind(const endpoint& at) noexcept {
    result<descriptor> d = bound(at, socket_type::datagram);
    if (!d) return failure(d.error());
    return unix_datagram(std::move(*d));
}

result<unix_datagram> unix_datagram::unbound() noexcept {
    result<native_handle> opened = host::open_socket(endpoint::kind::unix_path, socket_type::datagram);
    if (!opened) return failure(opened.error());
    return unix_datagram(descriptor(*opened));
}

result<std::pair<unix_datagram, unix_datagram>> unix_datagram::pair() noexcept {
    return make_pair_of<unix_datagram>(socket_type::datagram);
}

} // namespace weft
