// received_datagram: what receive_from() yields.
#pragma once

#include <cstddef>

#include <weft/io/endpoint.hpp>

namespace weft {

struct received_datagram {
    received_datagram() noexcept {}
    std::size_t size = 0;   // bytes in the buffer
    endpoint from;          // none for an unbound Unix socket
    bool truncated = false; // the datagram was longer than the buffer; the rest is lost
};

} // namespace weft
