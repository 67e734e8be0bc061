// A client: one task reads its commands and executes them; another sends, as long as there is something to send.
#pragma once

#include "doors.hpp"
#include "engine/engine.hpp"

#include <weft/core/event.hpp>
#include <weft/core/scope.hpp>

namespace kv {

class server;

class connection : public session {
  public:
    connection(server& s, peer_socket&& socket);

    // Until either side ends it and the replies are sent.
    weft::task<> serve();

    // No further commands; those that were executed are answered.
    void end_input();

  private:
    weft::task<weft::result<void>> read_all();
    weft::task<weft::result<void>> wait_blocked();
    weft::task<weft::result<void>> write_all();

    std::span<std::byte> room();
    void received(std::size_t count, std::size_t room);
    void execute_all();
    bool over_limits() const;
    weft::task<weft::result<void>> until_within_limits();
    void send();
    void give_up(const char* why);
    bool goes_on() const { return !ending_ && !killed; }

    server& server_;
    engine& kv_;
    peer_socket socket_;
    weft::scope* tasks_ = nullptr;
    byte_buffer query_;
    byte_buffer sending_; // lent to the system; what comes meanwhile is collected in `out`
    request_parser parser_;
    std::size_t read_size_;
    std::uint64_t waits_for_ = 0; // the group of log records that must be safe before `out` is sent
    bool writing_ = false, ending_ = false;
    weft::local::auto_event sent_;     // some of the output
    weft::local::auto_event answered_; // the command that waited
    char peer_[64], local_[64];
};

} // namespace kv
