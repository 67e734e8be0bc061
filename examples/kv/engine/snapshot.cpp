#include "snapshot.hpp"

namespace kv {

namespace {

constexpr std::size_t chunk = 64;       // elements of one request
constexpr std::size_t enough = 1 << 20; // bytes of one step

std::size_t parts_of(node* n) {
    if (n->type == kind::string) return 1;
    return n->type == kind::list ? n->payload<list*>()->size() : n->payload<table*>()->size();
}

// Requests such as "RPUSH key a b c", as long as they may be.
class request_builder {
  public:
    request_builder(byte_buffer& sink, text command, text key) : sink_{sink} {
        args_[0] = command;
        args_[1] = key;
    }
    ~request_builder() {
        if (size_ > 2) append_request(sink_, {args_, size_});
    }
    void add(text part) { args_[size_++] = part; }
    void send_if_full() {
        if (size_ <= 2 * chunk) return;
        append_request(sink_, {args_, size_});
        size_ = 2;
    }

  private:
    byte_buffer& sink_;
    text args_[2 * chunk + 4];
    std::size_t size_ = 2;
};

} // namespace

void snapshot::begin() {
    active_ = true;
    cursor_ = 0;
    large_ = {};
    keys_written_ = 0;
    clears_ = kv_.db.clears;
    kv_.db.begin_epoch([](void* self, node* n) { static_cast<snapshot*>(self)->write(n); }, this);
}

void snapshot::end() {
    if (std::exchange(active_, false)) kv_.db.end_epoch();
}

snapshot::status snapshot::step(std::size_t budget) {
    if (kv_.db.clears != clears_) return status::stale;
    std::size_t before = sink_.size();
    for (; budget && !sink_.failed() && sink_.size() - before < enough; --budget) {
        if (large_.of) {
            if (!write_chunk(large_)) finish(large_);
            continue;
        }
        bool all = true;
        std::uint32_t next = kv_.db.keys().scan(cursor_, [&](node* n) {
            if (kv_.db.preserved(n)) return;
            if (parts_of(n) <= chunk) return write(n);
            if (!large_.of) large_ = start(n);
            all = false; // the bucket is looked at again
        });
        if (!all) continue;
        cursor_ = next;
        if (!cursor_) return sink_.failed() ? status::failed : status::done;
    }
    return sink_.failed() ? status::failed : status::working;
}

snapshot::walk snapshot::start(node* n) {
    walk w{.of = n};
    if (n->type == kind::list) w.at = n->payload<list*>()->first();
    return w;
}

void snapshot::write(node* n) {
    if (kv_.db.clears != clears_) return kv_.db.mark_preserved(n); // stale: it will begin again
    if (n == large_.of) {
        while (write_chunk(large_)) {}
        return finish(large_);
    }
    walk w = start(n);
    while (write_chunk(w)) {}
    finish(w);
}

void snapshot::finish(walk& w) {
    node* n = std::exchange(w.of, nullptr);
    if (n->type != kind::string && n->deadline() != node::none)
        append_request(sink_, {"PEXPIREAT", n->key(), digits{n->deadline()}.view()});
    kv_.db.mark_preserved(n);
    ++keys_written_;
}

bool snapshot::write_chunk(walk& w) {
    node* n = w.of;
    if (n->type == kind::string) {
        if (n->deadline() == node::none)
            append_request(sink_, {"SET", n->key(), n->value()});
        else
            append_request(sink_, {"SET", n->key(), n->value(), "PXAT", digits{n->deadline()}.view()});
        return false;
    }
    if (n->type == kind::list) {
        auto& values = *n->payload<list*>();
        request_builder request{sink_, "RPUSH", n->key()};
        for (std::size_t i = 0; i < chunk && w.at; ++i, w.at = values.next(w.at))
            request.add(values.value(w.at));
        return static_cast<bool>(w.at);
    }
    bool is_hash = n->type == kind::hash;
    request_builder request{sink_, is_hash ? "HSET"sv : "SADD"sv, n->key()};
    std::size_t written = 0;
    do {
        w.cursor = n->payload<table*>()->scan(w.cursor, [&](node* part) {
            request.send_if_full();
            request.add(part->key());
            if (is_hash) request.add(part->value());
            ++written;
        });
    } while (w.cursor && written < chunk);
    return w.cursor != 0;
}

} // namespace kv
