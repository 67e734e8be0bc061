// What most programs do most, a receive of some and a send, without the detour through a back-end where a reactor's place
// says that it is not needed. Where there is no reactor, a descriptor's place knows nothing, and all go the long way.
#pragma once

#include <cerrno>

#include <weft/ports/host/io_place.hpp>
#include <weft/ports/host/operations.hpp>

namespace weft {

// `Calls` has recv(2) and send(2), without waiting or signals: bytes, or an error number, negative. They are inlined here, since a call each would be seen in what an echo costs.
template <class Calls> class short_ways {
  public:
    // As host::receive(). After one that has taken everything the next has to wait, and there is no more to it than this.
    [[gnu::always_inline]] static inline bool receive(io_operation& op, branch& b,
                                                      continuation& then) noexcept {
        io_place& e = *op.on->place.load(order::acquire);
        if (e.level.load(order::relaxed) != &b.home() || e.known_of(0) != io_place::nothing || b.stopping())
            [[unlikely]]
            return receive_at_once(op, b, then, e);
        return wait_plainly(e, op, b, then);
    }

    // As host::send() and host::send_all().
    template <std::uint8_t flags>
    [[gnu::always_inline]] static inline bool send(io_operation& op, branch& b, continuation& then) noexcept {
        // If there is room, as far as is known, nobody waits for any.
        const io_handle& on = *op.on;
        if (on.place.load(order::acquire)->known_of(1) != io_place::something || b.stopping()) [[unlikely]]
            return start_send(op, b, then, flags, false);
        if (b.spend()) [[unlikely]]
            return start_send(op, b, then, flags, true);
        op.owner = &b;
        b.target = &then;
        std::int64_t outcome = Calls::send(on.value, op.data, op.size);
        if (outcome != static_cast<std::int64_t>(op.size)) [[unlikely]]
            return send_rest(op, flags, outcome);
        op.outcome = outcome;
        return false;
    }

  private:
    // The cold parts are not inlined, since they would cost the others registers.

    [[gnu::always_inline]] static inline bool wait_plainly(io_place& e, io_operation& op, branch& b,
                                                           continuation& then) noexcept {
        e.know(0, io_place::plain(op));
        op.owner = &b;
        b.refill(); // others get their turn
        b.target = &then;
        b.waiting.store(&op, order::release);
        return true;
    }

    // One that need not wait, as far as is known. After one that has filled its buffer there may be more, and mostly is not.
    [[gnu::noinline]] static bool receive_at_once(io_operation& op, branch& b, continuation& then,
                                                  io_place& e) noexcept {
        bool plain = e.level.load(order::relaxed) == &b.home() && e.known_of(0) == io_place::something &&
                     !(e.traits & (io_place::sticky | io_place::has_records)) && !b.stopping();
        if (plain) op.outcome = Calls::receive(op.on->value, op.data, op.size);
        if (!plain || op.outcome == -EINTR) {
            op.become(io_code::receive, io_short_empty);
            return host::start(op, b, then);
        }
        if (op.outcome == -EAGAIN) return wait_plainly(e, op, b, then);
        if (op.outcome >= 0)
            e.know(0,
                   static_cast<std::size_t>(op.outcome) < op.size ? io_place::nothing : io_place::something);
        op.owner = &b;
        b.target = &then;
        return end_at_once(op, b);
    }

    // What one has left undone.
    [[gnu::noinline, gnu::cold]] static bool send_rest(io_operation& op, std::uint8_t flags,
                                                       std::int64_t outcome) noexcept {
        branch& b = *op.owner;
        op.become(io_code::send, flags | io_tried);
        op.outcome = 0;
        bool more = outcome == -EAGAIN || outcome == -EINTR || goes_on(op, outcome);
        return more ? submit(op, b) : end_at_once(op, b);
    }

    // When the credit is used up, it waits in any case.
    [[gnu::noinline, gnu::cold]] static bool start_send(io_operation& op, branch& b, continuation& then,
                                                        std::uint8_t flags, bool yields) noexcept {
        if (yields) b.refill();
        op.become(io_code::send, flags);
        return host::start(op, b, then) || (yields && end_in_turn(op, b));
    }
};

} // namespace weft
