// Where clients come in: a port. Nobody but a client tells the server to stop.
#pragma once

#include "engine/text.hpp"

#include <weft/core/event.hpp>
#include <weft/core/task.hpp>
#include <weft/lwip/tcp.hpp>

namespace kv {

using peer_socket = weft::stream_socket;

class doors {
  public:
    explicit doors(std::uint16_t port) : port_{port} {}

    // Listens. An error has been written to the log.
    weft::task<weft::result<void>> open();
    void close() { listener_.close(); }
    template <class F> void each_listener(F&& use) { use(listener_); }
    // Until somebody sets `shutdown`.
    weft::task<> until_told_to_stop(weft::local::event& shutdown) { (void)co_await shutdown.wait(); }

    const char* where() const { return "the chip's own address"; }
    text io() const { return "lwip"; } // how I/O is done

  private:
    std::uint16_t port_;
    weft::tcp_listener listener_;
};

} // namespace kv
