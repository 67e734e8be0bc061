#include "table.hpp"

namespace kv {

node* make_node(arena& memory, text key, std::uint32_t hash, std::size_t value_size,
                const node_shape& shape) {
    if (key.size() > max_text || value_size > max_text) return nullptr;
    void* place = memory.allocate(node_size(key.size(), value_size, shape));
    if (!place) return nullptr;
    std::size_t key_at = node_size(0, 0, shape) / 8;
    node* n = ::new (place) node{.next = nullptr,
                                 .hash = hash,
                                 .key_size = static_cast<std::uint32_t>(key.size()),
                                 .value_size = static_cast<std::uint32_t>(value_size),
                                 .type = shape.type,
                                 .timed = shape.timed,
                                 .key_at = static_cast<std::uint8_t>(key_at & 0x7f),
                                 .epoch = 0};
    if (shape.timed) n->time() = {node::none, 0};
    if (!key.empty()) std::memcpy(n->bytes() + key_at * 8, key.data(), key.size());
    return n;
}

segmented_array::~segmented_array() {
    while (size_) pop();
}

bool segmented_array::push(node* value) {
    std::uint32_t segment = size_ >> segment_bits;
    if (size_ < segment_size) {
        // Within the first segment capacities are powers of two.
        if (size_ == 0 || (size_ >= smallest && std::has_single_bit(size_))) {
            std::size_t capacity = size_ ? size_ * 2 : smallest;
            void* grown = memory_.resize(first_, capacity * sizeof(node*));
            if (!grown) return false;
            first_ = static_cast<node**>(grown);
        }
    } else if ((size_ & (segment_size - 1)) == 0) {
        if (std::has_single_bit(segment)) { // so are the directory's
            void* old = directory_ == &first_ ? nullptr : directory_;
            auto grown = static_cast<node***>(memory_.resize(old, segment * 2 * sizeof(node**)));
            if (!grown) return false;
            grown[0] = first_;
            directory_ = grown;
        }
        void* fresh = memory_.allocate(segment_size * sizeof(node*));
        if (!fresh) {
            if (segment == 1) drop_directory();
            return false; // a later directory that grew in vain is found grown next time
        }
        directory_[segment] = static_cast<node**>(fresh);
    }
    directory_[segment][size_ & (segment_size - 1)] = value;
    ++size_;
    return true;
}

void segmented_array::pop() {
    --size_;
    std::uint32_t segment = size_ >> segment_bits;
    if (size_ < segment_size) {
        if (size_ == 0) {
            memory_.deallocate(first_);
            first_ = nullptr;
        } else if (size_ >= smallest && std::has_single_bit(size_)) {
            if (memory_.resize_in_place(first_, size_ * sizeof(node*))) return;
        }
    } else if ((size_ & (segment_size - 1)) == 0) {
        memory_.deallocate(directory_[segment]);
        if (segment == 1) drop_directory();
    }
}

void segmented_array::drop_directory() {
    memory_.deallocate(directory_);
    directory_ = &first_;
}

table::~table() {
    while (drain(UINT32_MAX, [this](node* n) { memory_.deallocate(n); })) {}
}

bool table::insert(node* n) {
    if (buckets_.size() == 0) {
        if (!buckets_.push(nullptr)) return false;
        set_mask();
    }
    node*& head = buckets_[bucket_of(n->hash)];
    n->next = head;
    head = n;
    if (++count_ > buckets_.size()) split();
    return true;
}

void table::unlink(node* n) {
    node** at = &buckets_[bucket_of(n->hash)];
    while (*at != n) at = &(*at)->next;
    *at = n->next;
    // Four buckets' worth of emptiness before the table gives one back; more at once only after many deletions.
    --count_;
    for (int i = 0; i < 8 && buckets_.size() > 4 && count_ < buckets_.size() / 4; ++i) merge();
}

void table::replace(node* old, node* now) {
    node** at = &buckets_[bucket_of(now->hash)];
    while (*at != old) at = &(*at)->next;
    now->next = old->next;
    *at = now;
}

// The new last bucket takes what belongs there from the bucket that held it so far.
void table::split() {
    std::uint32_t fresh = buckets_.size(), half = std::bit_floor(fresh);
    if (!buckets_.push(nullptr)) return;
    set_mask();
    node** at = &buckets_[fresh - half];
    while (node* n = *at) {
        if (bucket_of(n->hash) == fresh) {
            *at = n->next;
            n->next = buckets_[fresh];
            buckets_[fresh] = n;
        } else {
            at = &n->next;
        }
    }
}

void table::merge() {
    std::uint32_t last = buckets_.size() - 1;
    node* chain = buckets_[last];
    buckets_.pop();
    set_mask();
    node** at = &buckets_[last - std::bit_floor(last)];
    while (*at) at = &(*at)->next;
    *at = chain;
}

} // namespace kv
