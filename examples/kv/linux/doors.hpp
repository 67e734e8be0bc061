// Where clients come in: a port, a path, or both; and what tells the server to stop.
#pragma once

#include "options.hpp"

#include <weft/core/event.hpp>
#include <weft/core/task.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/unix.hpp>

namespace kv {

using peer_socket = weft::stream_socket;

class doors {
  public:
    explicit doors(const options& o) : options_{o} {}

    // Listens. An error has been written to the log.
    weft::task<weft::result<void>> open();
    void close();
    template <class F> void each_listener(F&& use) {
        if (tcp_) use(tcp_);
        if (unix_) use(unix_);
    }
    // Until SIGINT or SIGTERM comes, or somebody sets `shutdown`.
    weft::task<> until_told_to_stop(weft::local::event& shutdown);

    const char* where() const { return listens_at_.c_str(); }
    text io() const; // how I/O is done

  private:
    const options& options_;
    weft::tcp_listener tcp_;
    weft::unix_listener unix_;
    std::string listens_at_;
};

} // namespace kv
