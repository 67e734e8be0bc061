#include <weft/ports/linux/epoll_place.hpp>

#include <cstdlib>
#include <new>

#include <weft/core/spin_lock.hpp>

namespace weft {

io_place no_place;

void io_place::be_careful() noexcept {
    io_operation* first = sides[0];
    if (!anybody(first)) {
        if (!first) sides[0] = nothing();
    } else if (!(first->flags & io_careful)) {
        first->flags |= io_careful;
        first->next = nullptr;
        first->previous = first;
    }
}

void io_place::append(int side, io_operation& op) noexcept {
    io_operation*& first = sides[side];
    if (!anybody(first)) {
        if (first == nothing_careful()) {
            op.flags |= io_careful;
            op.next = nullptr;
            op.previous = &op;
        }
        first = &op;
        return;
    }
    if (!(first->flags & io_careful)) {
        first->flags |= io_careful;
        first->next = nullptr;
        first->previous = first;
    }
    op.flags |= io_careful;
    op.next = nullptr;
    op.previous = first->previous;
    op.previous->next = &op;
    first->previous = &op;
}

void io_place::remove(int side, io_operation& op) noexcept {
    io_operation*& first = sides[side];
    if (!(op.flags & io_careful) || (first == &op && !op.next)) {
        first = nothing();
    } else if (first == &op) {
        op.next->previous = op.previous;
        first = op.next;
    } else {
        op.previous->next = op.next;
        (op.next ? op.next : first)->previous = op.previous;
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
    return find(fd);
}

place_table::~place_table() {
    for (std::size_t i = 0; i < count_; ++i) {
        block* b = blocks_[i];
        if (!b) continue;
        for (io_place& p : b->places) {
            p.level.store(nullptr, order::relaxed);
            p.sides[0] = p.sides[1] = nullptr;
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
