#include <weft/ports/host/io_place.hpp>

#include <cstdlib>
#include <new>

#include <weft/core/spin_lock.hpp>

namespace weft {

io_place no_place;

io_operation* io_place::first(int side) noexcept {
    std::uintptr_t w = known_of(side);
    if (w <= nothing_careful) return nullptr;
    auto* op = reinterpret_cast<io_operation*>(w & ~plain_bit);
    if (w & plain_bit) {
        op->become(io_code::receive, io_short_empty);
        op->on->in_flight.fetch_add(1, order::relaxed);
        set_first(side, *op);
    }
    return op;
}

void io_place::link_alone(io_operation& op) noexcept {
    op.flags |= io_careful;
    op.next = nullptr;
    op.previous = &op;
}

void io_place::be_careful() noexcept {
    if (io_operation* waits = first(0)) {
        if (!(waits->flags & io_careful)) link_alone(*waits);
    } else if (known_of(0) == nothing) {
        know_nothing(0);
    }
}

void io_place::append(int side, io_operation& op) noexcept {
    io_operation* head = first(side);
    if (!head) {
        if (known_of(side) == nothing_careful) link_alone(op);
        set_first(side, op);
        return;
    }
    if (!(head->flags & io_careful)) link_alone(*head);
    op.flags |= io_careful;
    op.next = nullptr;
    op.previous = head->previous;
    op.previous->next = &op;
    head->previous = &op;
}

void io_place::remove(int side, io_operation& op) noexcept {
    io_operation* head = first(side);
    if (!(op.flags & io_careful) || (head == &op && !op.next)) {
        know_nothing(side);
    } else if (head == &op) {
        op.next->previous = op.previous;
        set_first(side, *op.next);
    } else {
        op.previous->next = op.next;
        (op.next ? op.next : head)->previous = op.previous;
    }
}

namespace {
spin_lock guard;
}
place_table::block* place_table::unused_ = nullptr;

place_table::block* place_table::take(std::size_t number) noexcept {
    {
        lock_guard<spin_lock> held(guard);
        for (block** at = &unused_; *at; at = &(*at)->next) {
            block* b = *at;
            if (b->number != number) continue;
            *at = b->next;
            return b;
        }
    }
    auto* b = static_cast<block*>(std::malloc(sizeof(block)));
    if (!b) return nullptr;
    new (b) block;
    b->number = number;
    return b;
}

io_place* place_table::make(std::size_t fd) noexcept {
    if (fd >= io_place::most) return nullptr;
    std::size_t number = fd / per_block;
    if (number >= count_) {
        std::size_t wanted = count_ ? count_ : 16;
        while (wanted <= number) wanted *= 2;
        auto* grown = static_cast<block**>(std::realloc(blocks_, wanted * sizeof(block*)));
        if (!grown) return nullptr;
        for (std::size_t i = count_; i < wanted; ++i) grown[i] = nullptr;
        blocks_ = grown;
        count_ = wanted;
    }
    if (!blocks_[number]) blocks_[number] = take(number);
    io_place* made = find(fd);
    if (made) made->fd = fd & (io_place::most - 1);
    return made;
}

place_table::~place_table() {
    for (std::size_t i = 0; i < count_; ++i) {
        block* b = blocks_[i];
        if (!b) continue;
        for (io_place& p : b->places) {
            p.level.store(nullptr, order::relaxed);
            for (int side : {0, 1}) p.know(side, io_place::nothing);
            p.generation = 0;
            p.traits = 0;
        }
        lock_guard<spin_lock> held(guard);
        b->next = unused_;
        unused_ = b;
    }
    std::free(blocks_);
}

} // namespace weft
