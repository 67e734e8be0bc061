// The back-ends that wait until a descriptor is ready and then make the call: what epoll, poll(2) and select(2) share, and
// what another poller of this kind is made from.
//
// Each descriptor has a place, where it stands who waits for which side of it, and what is known of its readiness: after a
// short transfer on a byte stream nothing is left, and the poller will tell (epoll(7), question 9). A poller may tell of
// changes alone (epoll, kqueue): then it is asked once for each side of each descriptor, before anybody relies on it. Or it
// is asked anew each time (poll, select): then about those places alone where somebody waits, so that what nobody wants to
// read wakes nobody.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include <weft/core/machine/executor.hpp>
#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/io_place.hpp>
#include <weft/ports/host/pooled.hpp>

namespace weft {

// What a poller tells of a descriptor. kqueue(2) fills in all of it, others less.
struct io_event {
    bool readable = false;
    bool writable = false;
    bool end = false;        // the other end has finished, or hung up
    bool error = false;      // in error, or with urgent data, before which transfers end short
    std::uint32_t count = 0; // bytes that are there to be read; 0: not told
};

class reactor : public backend {
  public:
    bool submit(io_operation& op) noexcept final;
    void cancel(io_operation& op) noexcept final;
    // What waits for readiness is not counted: nothing of it may be finished only if there never was any.
    bool idle() const noexcept final { return !used_; }
    bool needs_no_poll() const noexcept final { return !used_; }

  protected:
    explicit reactor(thread_pool* pool) noexcept : pooled_(pool, *this) {}

    // From now on the poller tells of input on this descriptor, and of room for output if `output`. A poller of changes
    // tells at once if there is any by now. place.traits say what it was asked for before; nothing of that holds for what
    // is a new file to it, and then it takes over the number all the same. 0, or an outcome: io_operation::beyond_limit,
    // -EPERM for a file that is always ready, another error number.
    virtual std::int64_t watch(io_place& place, bool output) noexcept = 0;

    // A poller's destructor first waits for what the pool has begun, which may ring until then. What waits for readiness
    // holds nothing of the host's.
    void await_pool() noexcept { pooled_.await_all(); }

    // How long a poll with this deadline may wait, after what the pool has finished was taken in.
    std::int64_t begin_poll(std::int64_t deadline) noexcept;
    void on_event(io_place& e, io_event what) noexcept;
    // Something is to be had for those who wait; `outcome` is what the first has got of what the poller has told.
    void drain(io_place& e, int side, std::int64_t outcome, std::uint32_t told) noexcept;

    io_place bell_; // what the poller tells of when it was rung; in no table

  private:
    // What settle() has found.
    struct settled {
        bool ended; // the operation has its outcome
        bool more;  // there may be more to be had
    };

    bool submit_to_pool(io_operation& op) noexcept;
    bool submit_waiting(io_operation& op, int side) noexcept;
    bool submit_to_wait(io_operation& op, io_place& e, int side) noexcept;
    io_place* known(const io_handle& on) noexcept;
    std::int64_t register_descriptor(io_handle& on, io_place*& made, bool for_output) noexcept;
    settled settle(io_operation& op, const io_place* e, int side, std::int64_t outcome,
                   std::uint32_t told = 0) noexcept;
    static void now_known(io_place& e, int side, bool more) noexcept;
    void take_from_pool() noexcept;

    place_table places_;
    pooled_operations pooled_;
    bool used_ = false;
};

// In place of run_queue::appender, where branches of several priorities become ready.
struct each_to_its_own {
    void add(job& j) noexcept { j.home().push(j); }
    void close() noexcept {}
    void reopen() noexcept {}
};

// What a poller's class has beside the members of a reactor: how it waits, and how its events are read.
template <class P>
concept poller = requires(P& p, const typename P::event& e, std::int64_t deadline, void* to, std::size_t n) {
    // Waits as backend::poll() does; the events are good until the next call.
    { p.wait(deadline) } -> std::same_as<std::span<const typename P::event>>;
    { P::place_of(e) } -> std::same_as<io_place&>;
    // The usual, found out fast: input alone; input and room for output. May be false, since told_by() says all.
    { P::is_input(e) } -> std::same_as<bool>;
    { P::is_input_and_room(e) } -> std::same_as<bool>;
    { P::told_by(e) } -> std::same_as<io_event>;
    // recv(2) without waiting; bytes, or an error number, negative.
    { P::receive(0, to, n) } -> std::convertible_to<std::int64_t>;
};

// A back-end over the poller `Self` (CRTP).
template <class Self> class reactor_over : public reactor {
  public:
    void poll(std::int64_t deadline) noexcept final {
        static_assert(poller<Self>);
        auto events = static_cast<Self*>(this)->wait(begin_poll(deadline));
        if (events.empty()) return;
        executor* here = port::current();
        if (here && here->has_one_level())
            take(events, run_queue::appender(here->level()));
        else
            take(events, each_to_its_own());
    }

  protected:
    using reactor::reactor;

  private:
    // Not inlined, since the loop below would pay for what it seldom needs.
    template <class Event> [[gnu::noinline]] void take_one(io_place& e, const Event& event) noexcept {
        on_event(e, Self::told_by(event));
    }

    // The usual is that one reader waits, by the short way, and something has come. Where all branches stand in one queue,
    // those that become ready one after the other join it in one go.
    template <class Event, class Batch> void take(std::span<const Event> events, Batch batch) noexcept {
        const Event* const end = events.data() + events.size();
        for (const Event* at = events.data(); at < end; ++at) {
            const Event& event = *at;
            io_place& e = Self::place_of(event);
            std::uintptr_t reader = e.known_of(0);
            auto* op = reinterpret_cast<io_operation*>(reader - io_place::plain_bit);
            bool input = Self::is_input(event);
            // Who has connected is told of room along with each input. It is no news where nobody waits for room.
            if (!input) [[unlikely]] {
                input = Self::is_input_and_room(event) && !e.awaited(1);
                if (input) e.know(1, io_place::something);
            }
            if (input && reader & io_place::plain_bit) [[likely]] {
                std::int64_t outcome = Self::receive(static_cast<int>(e.fd), op->data, op->size);
                auto received = [&](std::uintptr_t left) {
                    op->outcome = outcome;
                    e.know(0, left);
                    branch& b = *op->owner;
                    b.waiting.store(nullptr, order::relaxed);
                    batch.add(b);
                };
                auto bytes = static_cast<std::uint64_t>(outcome); // an error is more than any size
                if (bytes < op->size) [[likely]] {
                    received(io_place::nothing);
                    continue;
                }
                if (bytes == op->size) {
                    received(io_place::something);
                    continue;
                }
                batch.close();
                drain(e, 0, outcome, 0);
            } else {
                batch.close();
                take_one(e, event);
            }
            batch.reopen();
        }
        batch.close();
    }
};

} // namespace weft
