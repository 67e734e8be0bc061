// Bytes that grow: what a client has sent, what it is about to be sent, what goes to the log.
#pragma once

#include "arena.hpp"
#include "text.hpp"

#include <utility>

namespace kv {

class byte_buffer {
  public:
    explicit byte_buffer(arena& memory, std::size_t limit = SIZE_MAX) : memory_{&memory}, limit_{limit} {}
    ~byte_buffer() { memory_->deallocate(data_); }
    byte_buffer(const byte_buffer&) = delete;
    byte_buffer& operator=(const byte_buffer&) = delete;
    byte_buffer(byte_buffer&& other) noexcept : memory_{other.memory_} { swap(other); }
    byte_buffer& operator=(byte_buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    void swap(byte_buffer& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(limit_, other.limit_);
        std::swap(failed_, other.failed_);
    }

    char* data() { return data_; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    text view() const { return {data_, size_}; }
    std::size_t limit() const { return limit_; }
    void set_limit(std::size_t bytes) { limit_ = bytes; }

    // Room for `count` bytes behind the end, to be written and then committed. nullptr: over the limit, or no memory.
    [[nodiscard]] char* room(std::size_t count) {
        if (capacity_ - size_ < count && !grow(count)) [[unlikely]]
            return nullptr;
        return data_ + size_;
    }
    void commit(std::size_t count) { size_ += count; }

    // What can't be appended is lost, and failed() says so from then on: one check behind many appends is enough.
    void append(text s) {
        if (s.empty()) return;
        if (char* to = room(s.size())) {
            std::memcpy(to, s.data(), s.size());
            size_ += s.size();
        } else {
            failed_ = true;
        }
    }
    bool failed() const { return failed_; }
    void fail() { failed_ = true; }

    void truncate(std::size_t size) { size_ = size; }
    void consume(std::size_t count) { // from the front
        size_ -= count;
        if (size_) std::memmove(data_, data_ + count, size_);
    }
    void clear() {
        size_ = 0;
        failed_ = false;
    }
    void release() { // clear, and give the memory back
        memory_->deallocate(std::exchange(data_, nullptr));
        size_ = capacity_ = 0;
        failed_ = false;
    }

  private:
    bool grow(std::size_t count) {
        if (size_ > limit_ || count > limit_ - size_) return false;
        std::size_t want = std::max({size_ + count, std::min(capacity_ * 2, limit_), std::size_t{64}});
        void* grown = memory_->resize(data_, want);
        if (!grown && want > size_ + count) grown = memory_->resize(data_, want = size_ + count);
        if (!grown) return false;
        data_ = static_cast<char*>(grown);
        capacity_ = memory_->usable(grown);
        return true;
    }

    arena* memory_;
    char* data_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0, limit_ = SIZE_MAX;
    bool failed_ = false;
};

} // namespace kv
