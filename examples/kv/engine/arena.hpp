// One region of memory with a fixed size, and everything the store keeps inside it.
//
// A two-level segregated fit (Masmano, Ripoll, Crespo, Real: "TLSF", ECRTS 2004): allocate and free take
// constant time, neighbours merge at once, and nothing is asked of an operating system. The region may be a
// static array on a chip, or address space of which pages become real when they are first touched.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#if defined(__SANITIZE_ADDRESS__)
#define KV_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KV_POISON 1
#endif
#endif
#ifdef KV_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace kv {

class arena {
  public:
    static constexpr std::size_t unit = 8; // alignment of every block, and what sizes are counted in
    static constexpr std::size_t max_region =
        (std::size_t{1} << 31) - 1 < SIZE_MAX / unit ? ((std::size_t{1} << 31) - 1) * unit : SIZE_MAX / 2;

    // The region stays the caller's, aligned to 8, and outlives the arena. What exceeds max_region is not used.
    explicit arena(std::span<std::byte> region) : base_{region.data()} {
        auto units = static_cast<std::uint32_t>(std::min(region.size(), max_region) / unit);
        if (units < 8) return;
        // Unit 0 stays empty so that index 0 can mean "none"; the last unit is a used block that stops merging.
        capacity_ = units - 2;
        at(1) = {capacity_ << 1, 0};
        at(1 + capacity_) = {0, capacity_};
        poison(base_ + 3 * unit, (capacity_ - 2) * unit);
        release(1);
    }
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    // nullptr when no block is large enough, also after the reclaimer has given back what it could.
    [[nodiscard]] void* allocate(std::size_t bytes) {
        void* payload = try_allocate(bytes);
        while (!payload && reclaim_ && reclaim_(reclaim_context_)) payload = try_allocate(bytes);
        return payload;
    }

    void deallocate(void* payload) {
        if (!payload) return;
        std::uint32_t index = index_of(payload);
        if (on_large_free_ && size(index) >= large_free / unit) on_large_free_(payload, usable(payload));
        used_ -= size(index);
        poison(base_ + (index + 2) * unit, (size(index) - 2) * unit);
        release(index);
    }

    // Grows or shrinks a block, in place where the neighbour allows it. On nullptr the old block is untouched.
    [[nodiscard]] void* resize(void* payload, std::size_t bytes) {
        if (!payload) return allocate(bytes);
        if (resize_in_place(payload, bytes)) return payload;
        void* fresh = allocate(bytes);
        if (!fresh) return nullptr;
        std::memcpy(fresh, payload, std::min(bytes, usable(payload)));
        deallocate(payload);
        return fresh;
    }

    [[nodiscard]] bool resize_in_place(void* payload, std::size_t bytes) {
        if (bytes > max_region) return false;
        std::uint32_t index = index_of(payload), want = units_for(bytes), have = size(index);
        std::uint32_t next = index + have;
        if (want > have && (!is_free(next) || have + size(next) < want)) return false;
        used_ -= have;
        if (want > have) {
            take(next);
            have += size(next);
            at(index).tag = have << 1;
            at(index + have).before = have;
        }
        unpoison(payload, (have - 1) * unit);
        split(index, want);
        count(size(index));
        poison(base_ + (index + size(index)) * unit, (have - size(index)) * unit);
        unpoison(base_ + (index + size(index)) * unit, have > size(index) ? 2 * unit : 0);
        return true;
    }

    // The bytes that may be used at `payload`: at least as many as were asked for.
    [[nodiscard]] std::size_t usable(const void* payload) const {
        return (size(index_of(payload)) - 1) * unit;
    }
    [[nodiscard]] std::size_t used() const { return std::size_t{used_} * unit; }
    [[nodiscard]] std::size_t peak() const { return std::size_t{peak_} * unit; }
    [[nodiscard]] std::size_t capacity() const { return std::size_t{capacity_} * unit; }

    // Called when nothing fits; frees something and says true, or says false.
    void set_reclaimer(bool (*reclaim)(void*), void* context) {
        reclaim_ = reclaim;
        reclaim_context_ = context;
    }
    // Called with blocks of a megabyte or more before they are free, so that a host can take their pages back.
    void set_large_free_hook(void (*hook)(void*, std::size_t)) { on_large_free_ = hook; }

  private:
    // Before each payload. Sizes count units and include this header.
    struct header {
        std::uint32_t tag;    // size * 2 + 1 if free
        std::uint32_t before; // size of the block in front, 0 for the first
    };
    struct links { // in the payload of a free block
        std::uint32_t next, previous;
    };
    struct slot {
        unsigned row, column;
    };
    static constexpr unsigned column_bits = 4, columns = 1 << column_bits, rows = 32 - column_bits + 1;
    static constexpr std::size_t large_free = std::size_t{1} << 20;

    header& at(std::uint32_t index) const { return *reinterpret_cast<header*>(base_ + index * unit); }
    links& link(std::uint32_t index) const { return *reinterpret_cast<links*>(base_ + (index + 1) * unit); }
    std::uint32_t size(std::uint32_t index) const { return at(index).tag >> 1; }
    bool is_free(std::uint32_t index) const { return at(index).tag & 1; }
    std::uint32_t index_of(const void* payload) const {
        return static_cast<std::uint32_t>((static_cast<const std::byte*>(payload) - base_) / unit) - 1;
    }
    static std::uint32_t units_for(std::size_t bytes) {
        return static_cast<std::uint32_t>(std::max<std::size_t>((bytes + unit - 1) / unit, 1) + 1);
    }
    // Sizes below 16 units have a list each; above, each power of two is cut into 16.
    static slot slot_of(std::uint32_t units) {
        if (units < columns) return {0, units};
        unsigned log = std::bit_width(units) - 1u;
        return {log - column_bits + 1, (units >> (log - column_bits)) & (columns - 1)};
    }

    void* try_allocate(std::size_t bytes) {
        if (bytes > max_region - 4 * unit) return nullptr;
        std::uint32_t want = units_for(bytes);
        std::uint32_t index = find(want);
        if (!index) return nullptr;
        take(index);
        split(index, want);
        count(size(index));
        void* payload = base_ + (index + 1) * unit;
        unpoison(payload, usable(payload));
        return payload;
    }

    std::uint32_t find(std::uint32_t want) const {
        // Rounded up to the next list, so that any block found there is large enough.
        std::uint32_t rounded = want;
        if (want >= columns) rounded += (1u << (std::bit_width(want) - 1u - column_bits)) - 1;
        slot s = slot_of(rounded);
        unsigned candidates = filled_[s.row] & (~0u << s.column);
        if (!candidates) {
            std::uint32_t above = s.row + 1 < 32 ? filled_rows_ & (~0u << (s.row + 1)) : 0;
            if (!above) { // the first block of the exact list may still do
                slot exact = slot_of(want);
                std::uint32_t head = heads_[exact.row][exact.column];
                return head && size(head) >= want ? head : 0;
            }
            s.row = static_cast<unsigned>(std::countr_zero(above));
            candidates = filled_[s.row];
        }
        return heads_[s.row][std::countr_zero(candidates)];
    }

    void take(std::uint32_t index) { // out of its list, marked used
        slot s = slot_of(size(index));
        links l = link(index);
        if (l.next) link(l.next).previous = l.previous;
        if (l.previous) {
            link(l.previous).next = l.next;
        } else {
            heads_[s.row][s.column] = l.next;
            if (!l.next) {
                filled_[s.row] &= ~(1u << s.column);
                if (!filled_[s.row]) filled_rows_ &= ~(1u << s.row);
            }
        }
        at(index).tag &= ~1u;
    }

    void split(std::uint32_t index, std::uint32_t want) { // gives back what a used block has beyond `want`
        std::uint32_t have = size(index);
        if (have < want + 2) return;
        unpoison(base_ + (index + want) * unit, 2 * unit);
        at(index).tag = want << 1;
        at(index + want) = {(have - want) << 1, want};
        at(index + have).before = have - want;
        release(index + want);
    }

    void release(std::uint32_t index) { // a used block becomes free, merged with its neighbours
        std::uint32_t total = size(index);
        if (is_free(index + total)) {
            take(index + total);
            total += size(index + total);
        }
        if (std::uint32_t before = at(index).before; before && is_free(index - before)) {
            index -= before;
            take(index);
            total += before;
        }
        at(index).tag = total << 1 | 1;
        at(index + total).before = total;
        slot s = slot_of(total);
        std::uint32_t head = heads_[s.row][s.column];
        link(index) = {head, 0};
        if (head) link(head).previous = index;
        heads_[s.row][s.column] = index;
        filled_[s.row] |= 1u << s.column;
        filled_rows_ |= 1u << s.row;
    }

    void count(std::uint32_t units) {
        used_ += units;
        peak_ = std::max(peak_, used_);
    }

    // Under AddressSanitizer, free memory here is as forbidden as free memory anywhere.
    static void poison([[maybe_unused]] void* p, [[maybe_unused]] std::size_t n) {
#ifdef KV_POISON
        __asan_poison_memory_region(p, n);
#endif
    }
    static void unpoison([[maybe_unused]] void* p, [[maybe_unused]] std::size_t n) {
#ifdef KV_POISON
        __asan_unpoison_memory_region(p, n);
#endif
    }

    std::byte* base_;
    std::uint32_t capacity_ = 0, used_ = 0, peak_ = 0;
    std::uint32_t filled_rows_ = 0;
    std::uint32_t filled_[rows] = {};
    std::uint32_t heads_[rows][columns] = {};
    bool (*reclaim_)(void*) = nullptr;
    void* reclaim_context_ = nullptr;
    void (*on_large_free_)(void*, std::size_t) = nullptr;
};

// An object in an arena, and its end.
template <class T, class... Args> [[nodiscard]] T* make(arena& memory, Args&&... args) {
    void* place = memory.allocate(sizeof(T));
    return place ? ::new (place) T(static_cast<Args&&>(args)...) : nullptr;
}
template <class T> void destroy(arena& memory, T* object) {
    if (!object) return;
    object->~T();
    memory.deallocate(object);
}

} // namespace kv
