#include "doors.hpp"

#include "log.hpp"

#include <weft/core/ok.hpp>

namespace kv {

weft::task<weft::result<void>> doors::open() {
    auto made = weft::tcp_listener::bind(weft::endpoint::any(port_));
    if (!made) {
        log_error("Listening at port %u failed: %s", static_cast<unsigned>(port_), made.error().message());
        co_return weft::failure(made.error());
    }
    listener_ = std::move(*made);
    co_return {};
}

} // namespace kv
