// The server: the engine, its log, and the clients.
#pragma once

#include "doors.hpp"
#include "persistence.hpp"
#include "settings.hpp"

#include <weft/core/scope.hpp>

namespace kv {

class server {
  public:
    // All of which must outlive it.
    server(const settings& s, doors& d, storage& where, const memories& m, const secrets& chance);

    // Until somebody stops it. An error has been written to the log.
    weft::task<weft::result<void>> serve();
    void shut_down() { shutdown_.set(); }

  private:
    const settings& settings_;
    doors& doors_;

  public:
    engine kv;
    persistence log;

  private:
    weft::task<weft::result<void>> keep_log();
    weft::task<weft::result<void>> serve_clients();
    template <class Listener> weft::task<> accept_all(Listener& listener, weft::scope& clients);
    weft::task<> serve_client(peer_socket socket);
    weft::task<> refuse(peer_socket socket);
    weft::task<> keep_house();

    std::size_t clients_ = 0;
    weft::local::event shutdown_;
    weft::local::auto_event client_left_;
    char run_id_[40];
};

} // namespace kv
