#include "list.hpp"

namespace kv {

list::~list() {
    while (drain(UINT32_MAX)) {}
}

bool list::drain(std::uint32_t budget) {
    for (; budget && head_; --budget) remove_chunk(head_);
    return head_;
}

void list::store(char* to, text value) {
    std::size_t size = value.size();
    if (size < long_mark) {
        to[0] = to[size + 1] = static_cast<char>(size);
        if (size) std::memcpy(to + 1, value.data(), size);
        return;
    }
    auto length = static_cast<std::uint32_t>(size);
    to[0] = to[size + 9] = static_cast<char>(long_mark);
    std::memcpy(to + 1, &length, 4);
    std::memcpy(to + 5, value.data(), size);
    std::memcpy(to + 5 + size, &length, 4);
}

text list::value(position p) const {
    const char* at = p.at_->data() + p.offset_;
    std::uint32_t length = static_cast<unsigned char>(*at++);
    if (length == long_mark) {
        std::memcpy(&length, at, 4);
        at += 4;
    }
    return {at, length};
}

list::position list::first() const {
    position p;
    if (head_) p.at_ = head_, p.offset_ = head_->begin;
    return p;
}

list::position list::last() const {
    position end;
    return previous(end);
}

list::position list::next(position p) const {
    p.offset_ += stored_size(value(p));
    if (p.offset_ == p.at_->end) {
        p.at_ = p.at_->next;
        p.offset_ = p.at_ ? p.at_->begin : 0;
    }
    return p;
}

list::position list::previous(position p) const {
    if (!p.at_ || p.offset_ == p.at_->begin) {
        p.at_ = p.at_ ? p.at_->previous : tail_;
        if (!p.at_) return {};
        p.offset_ = p.at_->end;
    }
    const char* end = p.at_->data() + p.offset_;
    std::uint32_t length = static_cast<unsigned char>(end[-1]);
    if (length == long_mark) std::memcpy(&length, end - 5, 4);
    p.offset_ -= length + 2 * length_size(length);
    return p;
}

list::position list::at(std::size_t index) const {
    if (index >= count_) return {};
    position p;
    if (index < count_ / 2) {
        p.at_ = head_;
        for (; index >= p.at_->count; p.at_ = p.at_->next) index -= p.at_->count;
    } else {
        std::size_t behind = count_ - index; // elements from the wanted one to the end
        p.at_ = tail_;
        for (; behind > p.at_->count; p.at_ = p.at_->previous) behind -= p.at_->count;
        index = p.at_->count - behind;
    }
    p.offset_ = p.at_->begin;
    while (index--) p.offset_ += stored_size(value(p));
    return p;
}

bool list::push(side s, text value) {
    bool front = s == side::front;
    chunk* c = front ? head_ : tail_;
    std::uint32_t need = stored_size(value);
    char* room = c ? make_room(c, front ? c->begin : c->end, need) : nullptr;
    if (!room) {
        c = add_chunk(front ? head_ : nullptr, need);
        if (!c) return false;
        c->end = front ? c->capacity : need; // it will grow downwards, or upwards
        c->begin = c->end - need;
        room = c->data() + c->begin;
    }
    store(room, value);
    ++c->count;
    ++count_;
    return true;
}

void list::pop(side s) { erase(s == side::front ? first() : last()); }

void list::drop(side s, std::size_t count) {
    while (count) {
        chunk* c = s == side::front ? head_ : tail_;
        if (c->count <= count) {
            count -= c->count;
            remove_chunk(c);
        } else {
            pop(s);
            --count;
        }
    }
}

list::position list::insert(position before, text value) {
    if (!before) return push(side::back, value) ? last() : position{};
    if (before == first()) return push(side::front, value) ? first() : position{};
    chunk* c = before.at_;
    std::uint32_t need = stored_size(value);
    char* room = make_room(c, before.offset_, need);
    if (!room && before.offset_ == c->begin) { // between two chunks
        chunk* fresh = add_chunk(c, need);
        if (!fresh) return {};
        room = make_room(c = fresh, 0, need);
    } else if (!room) {
        // What stands behind the place moves to a chunk of its own, with the new element in front of it.
        std::uint32_t moved = c->end - before.offset_;
        chunk* fresh = add_chunk(c->next, need + moved);
        if (!fresh) return {};
        std::memcpy(fresh->data() + need, c->data() + before.offset_, moved);
        fresh->end = need + moved;
        std::uint32_t left = 0;
        for (std::uint32_t offset = c->begin; offset < before.offset_; ++left) {
            position p;
            p.at_ = c, p.offset_ = offset;
            offset += stored_size(this->value(p));
        }
        fresh->count = c->count - left;
        c->count = left;
        c->end = before.offset_;
        c = fresh;
        room = c->data();
    }
    store(room, value);
    ++c->count;
    ++count_;
    position p;
    p.at_ = c, p.offset_ = static_cast<std::uint32_t>(room - c->data());
    return p;
}

bool list::assign(position p, text value) {
    std::uint32_t old = stored_size(this->value(p)), now = stored_size(value);
    if (old == now) {
        store(p.at_->data() + p.offset_, value);
        return true;
    }
    position fresh = insert(p, value);
    if (fresh) erase(next(fresh));
    return static_cast<bool>(fresh);
}

list::position list::erase(position p) {
    chunk* c = p.at_;
    std::uint32_t size = stored_size(value(p));
    --count_;
    if (--c->count == 0) {
        position behind;
        if ((behind.at_ = c->next)) behind.offset_ = behind.at_->begin;
        ++count_, ++c->count; // remove_chunk takes them off
        remove_chunk(c);
        return behind;
    }
    if (p.offset_ == c->begin) {
        c->begin += size;
        p.offset_ = c->begin;
        return p;
    }
    close_gap(c, p.offset_, size);
    if (p.offset_ == c->end) {
        p.at_ = c->next;
        p.offset_ = p.at_ ? p.at_->begin : 0;
    }
    return p;
}

list::chunk* list::add_chunk(chunk* before, std::uint32_t need) {
    // Chunks grow with the list: a list of three words shall not hold four kilobytes.
    std::uint32_t room = tail_ ? std::min(tail_->capacity * 2, largest) : smallest;
    std::size_t size = sizeof(chunk) + std::size_t{std::max(need, room)};
    void* place = memory_.allocate(size);
    if (!place) return nullptr;
    auto capacity = static_cast<std::uint32_t>(memory_.usable(place) - sizeof(chunk));
    chunk* c = ::new (place) chunk{before ? before->previous : tail_, before, 0, 0, capacity, 0};
    (c->previous ? c->previous->next : head_) = c;
    (c->next ? c->next->previous : tail_) = c;
    return c;
}

void list::remove_chunk(chunk* c) {
    (c->previous ? c->previous->next : head_) = c->next;
    (c->next ? c->next->previous : tail_) = c->previous;
    count_ -= c->count;
    memory_.deallocate(c);
}

char* list::make_room(chunk* c, std::uint32_t offset, std::uint32_t need) {
    if (c->capacity - c->used() < need) return nullptr;
    char* data = c->data();
    bool at_front = offset == c->begin && offset != c->end;
    if (at_front ? c->begin < need : c->capacity - c->end < need) {
        // Room on the wrong side. Sliding is only worth it if it makes room for many; in the middle of the chunk
        // there is no other way, and something has to move anyway.
        bool at_end = offset == c->end;
        if ((at_front || at_end) && c->used() > c->capacity / 2) return nullptr;
        std::uint32_t begin = (c->capacity - c->used() - need) / 2 + (at_front ? need : 0);
        std::memmove(data + begin, data + c->begin, c->used());
        offset = offset - c->begin + begin;
        c->end = begin + c->used();
        c->begin = begin;
    }
    if (at_front) return data + (c->begin -= need);
    std::memmove(data + offset + need, data + offset, c->end - offset);
    c->end += need;
    return data + offset;
}

void list::close_gap(chunk* c, std::uint32_t offset, std::uint32_t size) {
    std::memmove(c->data() + offset, c->data() + offset + size, c->end - offset - size);
    c->end -= size;
}

} // namespace kv
