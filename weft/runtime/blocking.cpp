#include <weft/runtime/blocking.hpp>

#include <weft/ports/host/worker.hpp>

namespace weft::detail {

thread_pool& blocking_pool_of(branch& b) noexcept {
    thread_pool* pool = static_cast<worker*>(b.home().owner)->blocking;
    if (!pool) port::panic("blocking() needs a runtime");
    return *pool;
}

} // namespace weft::detail
