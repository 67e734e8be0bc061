#include <weft/ports/host/reactor.hpp>

#include <cerrno>

#include <weft/io/host.hpp>
#include <weft/ports/host/operations.hpp>

namespace weft {

static_assert(host::awaits_readiness); // by what stands here

namespace {

// io_operation::state
enum : std::uint8_t { waiting, in_pool };

// The descriptor's one place is where somebody waits plainly, as long as somebody does: host::in_use().
void publish(io_handle& on, io_place& e) noexcept {
    if (!(on.place.load(order::acquire)->known_of(0) & io_place::plain_bit))
        on.place.store(&e, order::release);
}

} // namespace

std::int64_t reactor::register_descriptor(io_handle& on, io_place*& made, bool for_output) noexcept {
    made = places_.make(static_cast<std::size_t>(on.value));
    if (!made) return -ENOMEM;
    io_place& e = *made;
    e.traits = e.traits & io_place::known_to_poller;
    if (std::int64_t r = watch(e, for_output); r != 0) return r;
    e.note(io_place::input_watched);
    if (for_output) e.note(io_place::output_watched);
    if (on.records) e.note(io_place::has_records);
    e.generation = on.generation;
    e.know_nothing(0); // the poller tells of what is ready by now
    if (for_output)
        e.know_nothing(1);
    else
        e.know(1, io_place::something);
    publish(on, e);
    return 0;
}

// What is known under this number now; nullptr if that is of another descriptor.
inline io_place* reactor::known(const io_handle& on) noexcept {
    io_place* e = places_.find(static_cast<std::size_t>(on.value));
    return e && e->generation == on.generation ? e : nullptr;
}

// Nobody waits.
void reactor::now_known(io_place& e, int side, bool more) noexcept {
    if (more)
        e.know(side, io_place::something);
    else
        e.know_nothing(side);
}

// Takes the outcome of a call into account, and makes further ones as long as there is something to be had. `told`: how many
// bytes there were before that call, if that is known.
reactor::settled reactor::settle(io_operation& op, const io_place* e, int side, std::int64_t outcome,
                                 std::uint32_t told) noexcept {
    for (;; outcome = perform(op), told = 0) {
        if (outcome == -EINTR) continue;
        if (outcome == -EAGAIN) return {false, false};
        if (outcome < 0) {
            op.outcome = outcome;
            return {true, true};
        }
        bool all_told = told != 0 && outcome == told; // what comes from now on is told anew
        bool more = !(op.flags & io_short_empty) || !e || e->traits & io_place::sticky ||
                    (side == 0 && e->traits & io_place::has_records) ||
                    (static_cast<std::size_t>(outcome) >= op.size && !all_told);
        if (!goes_on(op, outcome)) return {true, more};
        if (!more) return {false, false};
    }
}

bool reactor::submit_to_wait(io_operation& op, io_place& e, int side) noexcept {
    if (side == 1 && !(e.traits & io_place::output_watched)) {
        if (std::int64_t r = watch(e, true); r != 0) {
            op.outcome = r;
            return false;
        }
        e.note(io_place::output_watched);
    }
    e.append(side, op);
    op.state = waiting;
    e.level.store(&op.owner->home(), order::relaxed);
    publish(*op.on, e);
    return true;
}

bool reactor::submit(io_operation& op) noexcept {
    used_ = true;
    io_side side = side_of(op.code);
    return side == io_side::pool ? submit_to_pool(op) : submit_waiting(op, static_cast<int>(side));
}

bool reactor::submit_to_pool(io_operation& op) noexcept {
    if (!pooled_.submit(op)) return false;
    op.state = in_pool;
    return true;
}

bool reactor::submit_waiting(io_operation& op, int side) noexcept {
    if (!op.on || op.on->value < 0) {
        op.outcome = -EBADF;
        return false;
    }
    io_place* e = known(*op.on);
    // A connect has to be begun, whatever is known of the socket.
    if (e && op.code != io_code::connect) {
        if (op.flags & io_tried && e->known_of(side) == io_place::something) e->know_nothing(side);
        op.flags &= static_cast<std::uint8_t>(~io_tried);
        if (e->known_of(side) != io_place::something) return submit_to_wait(op, *e, side);
    }
    settled s = settle(op, e, side, perform(op));
    if (e && !e->first(side)) now_known(*e, side, s.more);
    bool receives = op.code == io_code::receive || op.code == io_code::receive_leased;
    if (s.ended && (e || !receives || op.outcome <= 0)) return false;
    // A connection that lives is registered once, and after its first bytes as well as before.
    std::int64_t problem = e ? 0 : register_descriptor(*op.on, e, side == 1);
    if (s.ended) return false;
    if (problem == -EPERM) return submit_to_pool(op);
    if (problem == 0) return submit_to_wait(op, *e, side);
    op.outcome = problem;
    return false;
}

void reactor::cancel(io_operation& op) noexcept {
    io_place* e = op.on ? known(*op.on) : nullptr;
    if (e && e->known_of(0) == io_place::plain(op)) e->first(0);
    if (op.state == waiting)
        e->remove(static_cast<int>(side_of(op.code)), op);
    else if (!pooled_.cancel(op))
        return;
    op.outcome = io_operation::stopped;
    deliver(op);
}

void reactor::drain(io_place& e, int side, std::int64_t outcome, std::uint32_t told) noexcept {
    for (;;) {
        io_operation& op = *e.first(side);
        settled s = settle(op, &e, side, outcome, told);
        if (!s.ended) return;
        e.remove(side, op);
        io_operation* next = e.first(side);
        if (!next) now_known(e, side, s.more);
        deliver(op);
        if (!next || !s.more) return;
        outcome = perform(*next);
        told = 0;
    }
}

void reactor::take_from_pool() noexcept {
    io_operation* op = pooled_.take_finished();
    while (op) {
        io_operation* next = pooled_operations::next(*op);
        deliver(*op);
        op = next;
    }
}

std::int64_t reactor::begin_poll(std::int64_t deadline) noexcept {
    if (!pooled_.any_finished()) return deadline;
    take_from_pool();
    return 0;
}

void reactor::on_event(io_place& e, io_event what) noexcept {
    if (&e == &bell_) return take_from_pool();
    if (what.end || what.error) [[unlikely]] {
        e.note(io_place::sticky);
        e.be_careful();
    }
    const bool tells[] = {what.readable, what.writable};
    for (int side = 0; side < 2; ++side) {
        if (!tells[side]) continue;
        if (io_operation* op = e.first(side))
            drain(e, side, perform(*op), side == 0 ? what.count : 0);
        else
            e.know(side, io_place::something);
    }
}

} // namespace weft
