// The server: the engine, its log, and the clients.
#pragma once

#include "options.hpp"
#include "persistence.hpp"

#include <weft/core/scope.hpp>
#include <weft/io/tcp.hpp>
#include <weft/io/unix.hpp>

#include <chrono>

namespace kv {

inline std::int64_t unix_milliseconds() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Address space for an arena: pages become real when they are first touched.
class region {
  public:
    explicit region(std::size_t size);
    ~region();
    region(const region&) = delete;
    region& operator=(const region&) = delete;
    operator arena&() { return arena_; }

  private:
    std::span<std::byte> bytes_;
    arena arena_;
};

class server {
  public:
    explicit server(const options& o);

    // Until somebody stops it. An error has been written to the log.
    weft::task<weft::result<void>> serve();
    void shut_down() { shutdown_.set(); }

  private:
    const options& options_;
    region data_, buffers_, records_;

  public:
    engine kv;
    persistence log;

  private:
    weft::task<weft::result<void>> listen();
    weft::task<weft::result<void>> keep_log();
    weft::task<weft::result<void>> serve_clients();
    template <class Listener> weft::task<> accept_all(Listener& listener, weft::scope& clients);
    weft::task<> serve_client(weft::stream_socket socket);
    weft::task<> refuse(weft::stream_socket socket);
    weft::task<> until_told_to_stop();
    weft::task<> keep_house();

    weft::tcp_listener tcp_;
    weft::unix_listener unix_;
    std::string listens_at_;
    std::size_t clients_ = 0;
    weft::local::event shutdown_;
    weft::local::auto_event client_left_;
    char run_id_[40];
};

} // namespace kv
