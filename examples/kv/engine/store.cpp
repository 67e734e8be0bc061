#include "store.hpp"

namespace kv {

namespace {

// Values with more parts than this are freed little by little.
constexpr std::uint32_t large = 256;

node_shape shape_of(const node* n, bool timed) {
    return {n->type, n->type == kind::string ? 0 : sizeof(void*), timed};
}

} // namespace

store::store(arena& memory, hash_seed seed)
    : memory_{memory}, seed_{seed}, keys_{memory}, timed_{memory}, random_state_{sip_hash("random", seed)} {
    memory.set_reclaimer(
        [](void* self) {
            auto& s = *static_cast<store*>(self);
            bool any = s.buried_;
            s.bury_some(large);
            return any;
        },
        this);
}

std::uint64_t store::random() { // SplitMix64 (Steele, Lea, Flood 2014)
    std::uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

bool store::put(place& p, text value, std::int64_t deadline) {
    node* old = p.at;
    if (old) edit(old);
    if (old && old->type == kind::string && (old->timed || deadline == node::none)) {
        std::size_t room = memory_.usable(old) - static_cast<std::size_t>(old->value_bytes() - old->bytes());
        if (value.size() <= room && room - value.size() <= 64 + value.size()) {
            if (old->timed && !set_time(old, deadline)) return false;
            if (!value.empty()) std::memmove(old->value_bytes(), value.data(), value.size());
            old->value_size = static_cast<std::uint32_t>(value.size());
            return true;
        }
    }
    node* fresh = make_node(memory_, p.key, p.hash, value.size(), {kind::string, 0, deadline != node::none});
    if (!fresh) return false;
    if (fresh->timed && !set_time(fresh, deadline)) {
        memory_.deallocate(fresh);
        return false;
    }
    if (!value.empty()) std::memcpy(fresh->value_bytes(), value.data(), value.size());
    fresh->epoch = epoch_;
    if (old) {
        clear_deadline(old);
        keys_.replace(old, fresh);
        dispose(old);
    } else if (!keys_.insert(fresh)) {
        clear_deadline(fresh);
        memory_.deallocate(fresh);
        return false;
    }
    p.at = fresh;
    return true;
}

bool store::take(node* n) {
    place p{n->key(), n->hash, keys_.find(n->key(), n->hash)};
    if (p) remove(p);
    n->epoch = epoch_;
    return keys_.insert(n);
}

bool store::make_nodes(std::span<const text> texts, std::size_t step, segmented_array& nodes) {
    for (std::size_t i = 0; i < texts.size(); i += step) {
        text value = step == 2 ? texts[i + 1] : text{};
        node* n = make_node(memory_, texts[i], hash(texts[i]), value.size());
        if (!n) return false;
        if (!value.empty()) std::memcpy(n->value_bytes(), value.data(), value.size());
        if (nodes.push(n)) continue;
        memory_.deallocate(n);
        return false;
    }
    return true;
}

bool store::put_part(table& parts, text name, text value) {
    std::uint32_t h = hash(name);
    node* old = parts.find(name, h);
    if (old && memory_.usable(old) >= node_size(name.size(), value.size(), {})) {
        if (!value.empty()) std::memcpy(old->value_bytes(), value.data(), value.size());
        old->value_size = static_cast<std::uint32_t>(value.size());
        return true;
    }
    node* n = make_node(memory_, name, h, value.size());
    if (!n) return false;
    if (!value.empty()) std::memcpy(n->value_bytes(), value.data(), value.size());
    if (old) {
        parts.replace(old, n);
        memory_.deallocate(old);
    } else if (!parts.insert(n)) {
        memory_.deallocate(n);
        return false;
    }
    return true;
}

bool store::put_collection(place& p, kind type, void* collection) {
    node* n = make_node(memory_, p.key, p.hash, 0, {type, sizeof(void*)});
    if (!n) return false;
    n->payload<void*>() = collection;
    n->epoch = epoch_;
    if (p) remove(p);
    if (!keys_.insert(n)) {
        memory_.deallocate(n);
        return false;
    }
    p.at = n;
    return true;
}

bool store::resize_value(place& p, std::size_t size) {
    node* old = p.at;
    edit(old);
    if (size > max_text) return false;
    std::size_t before = static_cast<std::size_t>(old->value_bytes() - old->bytes()), total = before + size;
    if (memory_.usable(old) < total && !memory_.resize_in_place(old, total)) {
        // A string that grows is likely to grow on.
        void* grown = memory_.allocate(total + std::min(size, std::size_t{1} << 20));
        if (!grown) grown = memory_.allocate(total);
        if (!grown) return false;
        std::memcpy(grown, static_cast<void*>(old), before + old->value_size);
        p.at = static_cast<node*>(grown);
        keys_.replace(old, p.at);
        if (p->deadline() != node::none) timed_[p->time().place] = p.at;
        memory_.deallocate(old);
    }
    p->value_size = static_cast<std::uint32_t>(size);
    return true;
}

bool store::set_time(node* n, std::int64_t deadline) {
    if (deadline == node::none) {
        clear_deadline(n);
        return true;
    }
    if (n->deadline() == node::none) {
        if (!timed_.push(n)) return false;
        n->time().place = timed_.size() - 1;
    }
    n->time().deadline = deadline;
    return true;
}

void store::clear_deadline(node* n) {
    if (n->deadline() == node::none) return;
    edit(n);
    node* last = timed_[timed_.size() - 1];
    timed_[n->time().place] = last;
    last->time().place = n->time().place;
    timed_.pop();
    n->time().deadline = node::none;
}

bool store::set_deadline(place& p, std::int64_t deadline) {
    edit(p.at);
    if (p->timed) return set_time(p.at, deadline);
    node* old = p.at;
    node* fresh = make_node(memory_, old->key(), old->hash, old->value_size, shape_of(old, true));
    if (!fresh) return false;
    fresh->epoch = epoch_;
    if (!set_time(fresh, deadline)) {
        memory_.deallocate(fresh);
        return false;
    }
    if (old->type != kind::string) fresh->payload<void*>() = old->payload<void*>();
    std::memcpy(fresh->value_bytes(), old->value_bytes(), old->value_size);
    keys_.replace(old, fresh);
    memory_.deallocate(old);
    p.at = fresh;
    return true;
}

bool store::rename(place& from, place& to) {
    node* old = from.at;
    std::int64_t deadline = old->deadline();
    edit(old);
    node* fresh = make_node(memory_, to.key, to.hash, old->value_size, shape_of(old, deadline != node::none));
    if (!fresh) return false;
    if (fresh->timed && !set_time(fresh, deadline)) {
        memory_.deallocate(fresh);
        return false;
    }
    if (old->type != kind::string) fresh->payload<void*>() = old->payload<void*>();
    std::memcpy(fresh->value_bytes(), old->value_bytes(), old->value_size);
    fresh->epoch = epoch_;
    if (to) remove(to);
    detach(old);
    memory_.deallocate(old); // but not what it pointed to
    from.at = nullptr;
    // The table is either not empty or has just had a node taken out, so its first bucket exists.
    [[maybe_unused]] bool inserted = keys_.insert(to.at = fresh);
    return true;
}

void store::detach(node* n) {
    edit(n);
    clear_deadline(n);
    keys_.unlink(n);
}

void store::remove(place& p) {
    detach(p.at);
    dispose(p.at);
    p.at = nullptr;
}

void store::dispose(node* n) {
    bool is_large = n->type == kind::list     ? n->payload<list*>()->size() > large
                    : n->type != kind::string ? n->payload<table*>()->size() > large
                                              : false;
    if (is_large) {
        n->next = buried_;
        buried_ = n;
        return;
    }
    if (n->type == kind::list) {
        destroy(memory_, n->payload<list*>());
    } else if (n->type != kind::string) {
        destroy(memory_, n->payload<table*>());
    }
    memory_.deallocate(n);
}

bool store::bury_some(std::uint32_t budget) {
    node* n = buried_;
    if (!n) return false;
    if (n->type == kind::list) {
        if (n->payload<list*>()->drain(budget)) return true;
        destroy(memory_, n->payload<list*>());
    } else {
        if (n->payload<table*>()->drain(budget, [this](node* part) { memory_.deallocate(part); }))
            return true;
        destroy(memory_, n->payload<table*>());
    }
    buried_ = n->next;
    memory_.deallocate(n);
    return buried_;
}

void store::clear() {
    ++clears;
    while (timed_.size()) timed_.pop();
    keys_.drain(UINT32_MAX, [this](node* n) { dispose(n); });
    while (bury_some(UINT32_MAX)) {}
}

void store::expire(node* n) {
    if (on_expired_) on_expired_(expiry_context_, n->key());
    ++expired_count;
    detach(n);
    dispose(n);
}

std::uint32_t store::expire_some(std::uint32_t checks) {
    std::uint32_t found = 0;
    for (; checks && timed_.size(); --checks) {
        if (sweep_ >= timed_.size()) sweep_ = 0;
        node* n = timed_[sweep_];
        if (expired(n)) {
            expire(n); // the last one takes its place in the list
            ++found;
        } else {
            ++sweep_;
        }
    }
    return found;
}

} // namespace kv
