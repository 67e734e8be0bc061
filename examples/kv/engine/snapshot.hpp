// The whole data set as requests, while commands go on: what a shorter log starts with.
#pragma once

#include "engine.hpp"

namespace kv {

// The state at begin(), though it takes many steps to write it out: a key that is about to change is written first.
class snapshot {
  public:
    // `sink` gets the requests; the caller takes them away between the steps.
    snapshot(engine& kv, byte_buffer& sink) : kv_{kv}, sink_{sink} {}
    ~snapshot() { end(); }
    snapshot(const snapshot&) = delete;
    snapshot& operator=(const snapshot&) = delete;

    void begin();
    enum class status : std::uint8_t {
        working,
        done,
        stale,  // FLUSHALL came in between: begin again, it won't take long
        failed, // the sink is full: something has to give it room, and then begin again
    };
    // Writes about `budget` values or elements.
    status step(std::size_t budget);
    void end(); // commands no longer write keys for it

    std::uint64_t keys_written() const { return keys_written_; }

  private:
    // A collection, and how far it has been written. Large ones take several steps; a change first writes the rest.
    struct walk {
        node* of = nullptr;
        std::uint32_t cursor = 0;
        list::position at{};
    };
    walk start(node* n);
    bool write_chunk(walk& w); // false when nothing was left
    void finish(walk& w);
    void write(node* n);

    engine& kv_;
    byte_buffer& sink_;
    bool active_ = false;
    std::uint32_t cursor_ = 0;
    std::uint64_t clears_ = 0, keys_written_ = 0;
    walk large_; // the one under way
};

} // namespace kv
