#include <weft/ports/host/operations.hpp>

#include <cerrno>

#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/io_place.hpp>

namespace weft {

namespace {

// Moves a list of buffers on by `bytes`, in place.
mutable_buffer* advance(mutable_buffer* list, std::size_t& count, std::size_t bytes) noexcept {
    while (count && bytes >= list->size) {
        bytes -= list->size;
        ++list;
        --count;
    }
    if (count) {
        list->data = static_cast<char*>(list->data) + bytes;
        list->size -= bytes;
    }
    return list;
}

// Where it stands after so many bytes, if it does not go by the file's own position.
void move_on(io_operation& op, std::int64_t bytes) noexcept {
    if (std::int64_t& at = placed(op).offset; at >= 0) at += bytes;
}

} // namespace

bool goes_on(io_operation& op, std::int64_t outcome) noexcept {
    if (!(op.flags & io_whole) || outcome < 0) {
        op.outcome = outcome;
        return false;
    }
    op.outcome += outcome;
    if (outcome == 0) {
        if (op.size != 0) op.outcome = io_operation::ended_early;
        return false;
    }
    auto n = static_cast<std::size_t>(outcome);
    switch (op.code) {
    case io_code::read_vector:
    case io_code::write_vector:
    case io_code::read_vector_at:
    case io_code::write_vector_at:
        // A list to write from is changed as one to read into is: a whole transfer uses it up.
        op.data = advance(static_cast<mutable_buffer*>(op.data), op.size, n);
        if (side_of(op.code) == io_side::pool) move_on(op, outcome);
        return op.size != 0;
    case io_code::receive_message:
    case io_code::send_message: {
        io_message& m = message_of(op);
        m.buffers = advance(static_cast<mutable_buffer*>(m.buffers), m.buffer_count, n);
        m.handles_size = 0; // they went with the first part
        return m.buffer_count != 0;
    }
    case io_code::read_at:
    case io_code::write_at: move_on(op, outcome); [[fallthrough]];
    default:
        op.data = static_cast<char*>(op.data) + n;
        op.size -= n;
        return op.size != 0;
    }
}

std::int64_t perform_wholly(io_operation& op) noexcept {
    for (;;) {
        std::int64_t outcome = perform(op);
        if (outcome == -EINTR) continue;
        if (!goes_on(op, outcome)) return op.outcome;
    }
}

bool submit(io_operation& op, branch& b) noexcept {
    if (!backend_of(*b.home().owner).submit(op)) return end_at_once(op, b);
    count_in_flight(op, 1);
    b.waiting.store(&op, order::release);
    return true;
}

namespace host {

bool start(io_operation& op, branch& b, continuation& then) noexcept {
    op.owner = &b;
    b.target = &then;
    op.outcome = io_operation::stopped;
    if (b.stopping() && op.code != io_code::close) return end_in_turn(op, b); // which a stop does not prevent
    op.outcome = 0;
    return submit(op, b);
}

void cancel(io_operation& op) noexcept { backend_of(*op.owner->home().owner).cancel(op); }

bool in_use(const io_handle& h) noexcept {
    return h.in_flight.load(order::relaxed) != 0 ||
           h.place.load(order::acquire)->known_of(0) & io_place::plain_bit;
}

void give_back(lease_pool& home, std::uint32_t block) noexcept { home.give_back(block); }
std::byte* address_of(const lease_pool& home, std::uint32_t block) noexcept { return home.at(block); }

std::uint32_t new_generation() noexcept {
    static atomic<std::uint32_t> last{0};
    for (;;)
        if (std::uint32_t g = last.fetch_add(1, order::relaxed) + 1) return g;
}

} // namespace host
} // namespace weft
