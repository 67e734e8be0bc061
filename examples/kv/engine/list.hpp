// A list of strings: a chain of packed chunks, open at both ends.
#pragma once

#include "arena.hpp"
#include "text.hpp"

namespace kv {

class list {
    struct chunk;

  public:
    enum class side : bool { front, back };

    // An element's place. Changes to the list invalidate it, except where a function returns a new one.
    class position {
      public:
        explicit operator bool() const { return at_; }
        bool operator==(const position&) const = default;

      private:
        friend list;
        chunk* at_ = nullptr;
        std::uint32_t offset_ = 0;
    };

    explicit list(arena& memory) : memory_{memory} {}
    ~list();
    list(const list&) = delete;
    list& operator=(const list&) = delete;

    std::size_t size() const { return count_; }

    // These need memory: false, or a null position, means that there was none and nothing has changed.
    [[nodiscard]] bool push(side s, text value);
    [[nodiscard]] position insert(position before, text value); // before null: at the end
    [[nodiscard]] bool assign(position p, text value);

    void pop(side s);
    position erase(position p);           // returns the place of the element behind
    void drop(side s, std::size_t count); // as many pops
    bool drain(std::uint32_t budget);     // frees up to `budget` chunks; false when none is left

    position first() const;
    position last() const;
    position at(std::size_t index) const; // null beyond the end
    position next(position p) const;
    position previous(position p) const;
    text value(position p) const;
    text peek(side s) const { return value(s == side::front ? first() : last()); }

  private:
    // Elements stand back to back, each between two copies of its length, so that they can be read both ways.
    struct chunk {
        chunk *previous, *next;
        std::uint32_t begin, end; // of the elements, in data()
        std::uint32_t capacity, count;
        char* data() { return reinterpret_cast<char*>(this + 1); }
        std::uint32_t used() const { return end - begin; }
    };
    static std::uint32_t length_size(std::size_t length) { return length < long_mark ? 1 : 5; }
    static std::uint32_t stored_size(text value) {
        return static_cast<std::uint32_t>(value.size()) + 2 * length_size(value.size());
    }
    static void store(char* to, text value);
    static constexpr unsigned char long_mark = 255; // one byte of length, or this mark and four bytes
    static constexpr std::uint32_t smallest = 64, largest = 4096; // bytes of a chunk of several elements

    chunk* add_chunk(chunk* before, std::uint32_t need);
    void remove_chunk(chunk* c);
    char* make_room(chunk* c, std::uint32_t offset, std::uint32_t need); // nullptr: the chunk is too full
    static void close_gap(chunk* c, std::uint32_t offset, std::uint32_t size);

    arena& memory_;
    chunk *head_ = nullptr, *tail_ = nullptr;
    std::size_t count_ = 0;
};

} // namespace kv
