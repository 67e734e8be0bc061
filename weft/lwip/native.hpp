// What the sockets on lwIP share: addresses, errors, waiting, and the pools that they come from.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <lwip/err.h>
#include <lwip/ip_addr.h>
#include <weft/core/machine/wait_queue.hpp>
#include <weft/core/result.hpp>
#include <weft/io/endpoint.hpp>

namespace weft::lwip {

error error_of(err_t e) noexcept;

inline result<void> to_native(const endpoint& at, ip_addr_t& address) noexcept {
    if (at.family() != endpoint::kind::ipv4) return failure(errc::not_supported);
    std::memcpy(&address.addr, at.bytes().data(), 4);
    return {};
}
inline endpoint from_native(const ip_addr_t& from, std::uint16_t port) noexcept {
    std::array<std::uint8_t, 4> address;
    std::memcpy(address.data(), &from.addr, 4);
    return endpoint::ipv4(address, port);
}

// One that is not `used`, made anew; nullptr if there is none.
template <class T, std::size_t N> T* claim(T (&pool)[N]) noexcept {
    T* found = std::find_if(pool, pool + N, [](const T& t) { return !t.used; });
    if (found == pool + N) return nullptr;
    std::construct_at(found); // new, and GCC 12 zeroes arrays of what points to itself
    found->used = true;
    return found;
}

// What an operation on a socket does, for the events that come from lwIP.
struct socket_kind : leaf_kind {
    bool (*advance)(waiter&) noexcept;             // does what can be done; true: the operation has ended
    void (*withdrawn)(waiter&) noexcept = nullptr; // a stop has ended it
};

// An operation that waits in a queue of a socket. First in, first out.
class socket_operation : public queued_operation<socket_operation> {
    using base = queued_operation<socket_operation>;

  public:
    using lock_type = no_lock;
    // Without a queue there is no socket.
    socket_operation(const socket_kind& k, wait_queue<no_lock>* queue) noexcept
        : base(k), queue_(queue), failed_(queue ? errc::none : errc::not_connected) {}

    bool start(branch& b, continuation& then) noexcept {
        return queue_ ? base::start(b, then) : finish_now(b, then);
    }

  protected:
    using base::cancel;
    error problem() const noexcept { return was_cancelled() ? error(errc::cancelled) : failed_; }

    wait_queue<no_lock>* queue_;
    error failed_;

  private:
    friend base;
    const socket_kind& how() const noexcept { return static_cast<const socket_kind&>(*kind); }
    socket_operation& subject() noexcept { return *this; }
    wait_queue<no_lock>& queue() noexcept { return *queue_; }
    bool attempt(branch&, waiter_list&) noexcept { return queue_->empty() && how().advance(*this); }
    void withdrawn(waiter_list&) noexcept {
        if (how().withdrawn) how().withdrawn(*this);
    }
    [[no_unique_address]] no_lock lock_;
};

// Something has happened to a socket: those that wait go on, as far as it takes them.
inline void serve(wait_queue<no_lock>& queue) noexcept {
    while (waiter* w = queue.front()) {
        if (!static_cast<const socket_kind*>(w->kind)->advance(*w)) return;
        queue.pop();
        wait_queue<no_lock>::resume(*w);
    }
}

} // namespace weft::lwip
