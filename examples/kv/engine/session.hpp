// One client, as the commands see it. The server keeps the socket; the replay of the log has a session too.
#pragma once

#include "list.hpp"
#include "registry.hpp"
#include "resp.hpp"

namespace kv {

struct session {
    explicit session(arena& memory) : out{memory}, name{memory}, queue{memory} {}

    std::uint64_t id = 0;
    bool is_client() const { return id != 0; } // and not the replay of the log
    unsigned protocol = 2;
    byte_buffer out; // replies and messages, for the server to send; failed(): the session must end
    byte_buffer name;
    text peer_address, local_address; // the server's strings
    std::int64_t connected_at = 0, active_at = 0;
    text last_command = "NULL";

    // A transaction: the commands wait in `queue` as requests.
    byte_buffer queue;
    std::uint32_t queued = 0;
    bool in_transaction = false;
    bool transaction_failed = false; // a command was refused while it was queued
    bool watch_failed = false;       // a watched key has changed
    registry::interests watched;

    registry::interests channels, patterns;
    std::uint32_t subscriptions() const { return channels.count + patterns.count; }

    // BLPOP and BRPOP wait: the engine answers when there is something, the server when the time is over.
    registry::interests waiting;
    list::side waiting_side = list::side::front;
    std::int64_t waiting_until = 0; // 0: for ever
    bool blocked() const { return waiting.count != 0; }

    enum class replying : std::uint8_t { on, off, skip_this, skip_next } replies = replying::on;
    bool no_evict = false;
    bool killed = false; // another client has ended it: the server closes it when it is woken

    // Called when something was appended to `out`, or `killed` set, on behalf of somebody else.
    void (*wake)(session&) = nullptr;
    void* owner = nullptr;

    session *previous = nullptr, *next = nullptr; // in the engine's list
};

} // namespace kv
