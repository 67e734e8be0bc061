#include <weft/ports/host/memory.hpp>

#include <cstdint>
#include <cstdlib>
#include <new>

#include <weft/core/port.hpp>
#include <weft/core/spin_lock.hpp>
#include <weft/ports/host/os.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_FRAMES_FROM_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_FRAMES_FROM_HEAP 1
#endif
#endif

namespace weft {

namespace {

#if defined(WEFT_FRAMES_FROM_HEAP)
constexpr bool frames_from_heap = true; // so that the sanitizer sees each of them
#else
constexpr bool frames_from_heap = false;
#endif

constexpr std::size_t block = port::frame_block;
constexpr std::size_t classes = port::small_frame / block + 1;
constexpr std::size_t branch_class = 0; // no frame has size 0
constexpr std::size_t map_bytes = std::size_t{1} << 20;
// From here on memory comes from regions that ask for huge pages: where many tasks are alive, each is a few lines at a
// random place, and the translations of small pages would not fit the processor's.
constexpr std::size_t huge_after = std::size_t{16} << 20;
constexpr std::size_t region_bytes = std::size_t{32} << 20;
constexpr std::size_t max_slabs = memory::branch_limit / memory::branches_a_slab;

static_assert(sizeof(branch) == 64 && alignof(branch) <= 64);

// A free piece of memory. Of a branch's slot only the first word may be touched.
struct piece {
    piece* next;
    piece* next_batch; // frames only
};

// How many pieces of a class travel between threads at once. A thread holds at most twice as many.
constexpr std::uint32_t batch_of(std::size_t c) noexcept {
    std::size_t bytes = c == branch_class ? sizeof(branch) : c * block;
    std::size_t n = memory::list_bytes / 2 / bytes;
    return static_cast<std::uint32_t>(n < 128 ? n : 128);
}

// The fast path's part of a class: a list, and how many more it may hold. Both zero: closed, the slow path decides.
struct list {
    piece* head;
    std::uint64_t room;
};

struct range {
    unsigned char* at;
    unsigned char* end;
};

// What a thread has to itself. Zero until the thread's first allocation.
struct thread_memory {
    list lists[classes];
    piece* spare[classes]; // a full batch or none
    range chunk;
    range slab;
    std::size_t carved_frames;
    std::size_t carved_branches;
    thread_memory* next;
    thread_memory** link;
    bool known; // to the others, or ended
    bool open;  // the lists are in use
};

// Static TLS: one or two instructions to reach, and nothing that the compiler could cache across a suspension, since only
// the functions in this file use it and none of them suspends. In a shared object the linker has to know the offset.
#if defined(__PIC__) && !defined(__PIE__)
#define WEFT_TLS_MODEL "initial-exec"
#else
#define WEFT_TLS_MODEL "local-exec"
#endif
[[gnu::tls_model(WEFT_TLS_MODEL)]] constinit thread_local thread_memory mine{};

// What all threads share of one class.
struct alignas(64) depot {
    spin_lock guard;
    piece* batches = nullptr; // frames: linked by next_batch
    atomic<std::uint32_t> batch_count{0};
    atomic<std::uint32_t> loose_count{0};
    piece* loose = nullptr; // single ones, from threads that have ended
};
constinit depot depots[classes];

// Batches of branches: a stack beside them, since they offer no second word.
constexpr std::size_t max_branch_batches = memory::branch_limit / batch_of(branch_class) + 1;
piece** branch_batches = nullptr;

struct fragment {
    fragment* next;
    std::size_t bytes;
};

struct globals {
    spin_lock guard;
    thread_memory* threads = nullptr;
    std::size_t carved_frames = 0; // by threads that have ended
    std::size_t carved_branches = 0;
    std::size_t mapped = 0;
    range map{};
    range region{};
    fragment* fragments = nullptr; // what ended threads had left of their chunks
    atomic<std::size_t> slab_count{0};
    std::size_t slab_used = memory::slab_bytes; // of the last slab
    void* slabs[max_slabs] = {};
};
constinit globals shared;

constinit atomic<std::size_t> heap_frames{0};

// Failing allocations on demand.
constinit atomic<std::uint32_t> watched{0};
constinit atomic<std::size_t> asked{0};
constinit atomic<std::size_t> failing{0};

bool must_fail() noexcept {
    if (!watched.load(order::relaxed)) return false;
    return asked.fetch_add(1, order::relaxed) + 1 == failing.load(order::relaxed);
}

void push_batch(std::size_t c, piece* batch) noexcept {
    depot& d = depots[c];
    lock_guard held(d.guard);
    std::uint32_t n = d.batch_count.load(order::relaxed);
    if (c == branch_class) {
        branch_batches[n] = batch;
    } else {
        batch->next_batch = d.batches;
        d.batches = batch;
    }
    d.batch_count.store(n + 1, order::relaxed);
}

piece* pop_batch(std::size_t c) noexcept {
    depot& d = depots[c];
    // Unlocked look: a batch that comes in this moment is found next time.
    if (!d.batch_count.load(order::relaxed)) return nullptr;
    lock_guard held(d.guard);
    std::uint32_t n = d.batch_count.load(order::relaxed);
    if (!n) return nullptr;
    d.batch_count.store(n - 1, order::relaxed);
    if (c == branch_class) return branch_batches[n - 1];
    piece* batch = d.batches;
    d.batches = batch->next_batch;
    return batch;
}

void push_loose(std::size_t c, piece* p) noexcept {
    depot& d = depots[c];
    lock_guard held(d.guard);
    p->next = d.loose;
    d.loose = p;
    d.loose_count.store(d.loose_count.load(order::relaxed) + 1, order::relaxed);
}

piece* pop_loose(std::size_t c) noexcept {
    depot& d = depots[c];
    if (!d.loose_count.load(order::relaxed)) return nullptr;
    lock_guard held(d.guard);
    piece* p = d.loose;
    if (!p) return nullptr;
    d.loose = p->next;
    d.loose_count.store(d.loose_count.load(order::relaxed) - 1, order::relaxed);
    return p;
}

void loosen(std::size_t c, piece* p) noexcept {
    while (p) {
        piece* rest = p->next;
        push_loose(c, p);
        p = rest;
    }
}

// Gives the calling thread's lists back.
void empty_lists() noexcept {
    thread_memory& m = mine;
    m.open = false;
    for (std::size_t c = 0; c < classes; ++c) {
        loosen(c, m.lists[c].head);
        loosen(c, m.spare[c]);
        m.lists[c] = {};
        m.spare[c] = nullptr;
    }
}

void end_thread() noexcept {
    thread_memory& m = mine;
    empty_lists();
    for (; m.slab.at != m.slab.end; m.slab.at += sizeof(branch), ++m.carved_branches)
        push_loose(branch_class, reinterpret_cast<piece*>(m.slab.at));
    lock_guard held(shared.guard);
    if (m.chunk.at != m.chunk.end)
        shared.fragments =
            new (m.chunk.at) fragment{shared.fragments, static_cast<std::size_t>(m.chunk.end - m.chunk.at)};
    m.chunk = {};
    shared.carved_frames += m.carved_frames;
    shared.carved_branches += m.carved_branches;
    *m.link = m.next;
    if (m.next) m.next->link = m.link;
}

struct end_of_thread {
    ~end_of_thread() { end_thread(); }
    bool armed = false;
};
thread_local end_of_thread at_end;

void register_thread() noexcept {
    at_end.armed = true; // so that its destructor runs
    thread_memory& m = mine;
    m.known = true;
    {
        lock_guard held(shared.guard);
        m.next = shared.threads;
        if (m.next) m.next->link = &m.next;
        m.link = &shared.threads;
        shared.threads = &m;
    }
    if (watched.load(order::relaxed)) return;
    m.open = true;
    for (std::size_t c = 0; c < classes; ++c) m.lists[c].room = batch_of(c);
}

// Under the guard.
unsigned char* map_megabyte() noexcept {
    shared.mapped += map_bytes;
    if (shared.mapped > huge_after && shared.region.at == shared.region.end) {
        if (auto* at = static_cast<unsigned char*>(sys::map_huge(region_bytes)))
            shared.region = {at, at + region_bytes};
    }
    void* map;
    if (shared.region.at != shared.region.end) {
        map = shared.region.at;
        shared.region.at += map_bytes;
    } else {
        map = sys::map_memory(map_bytes);
    }
    if (!map) shared.mapped -= map_bytes;
    return static_cast<unsigned char*>(map);
}

// A new chunk or what is left of an old one, with room for `bytes`.
bool take_chunk(std::size_t bytes) noexcept {
    thread_memory& m = mine;
    // The rest of the old chunk becomes a frame of its size.
    if (std::size_t rest = static_cast<std::size_t>(m.chunk.end - m.chunk.at)) {
        ++m.carved_frames;
        push_loose(rest / block, reinterpret_cast<piece*>(m.chunk.at));
        m.chunk = {};
    }
    lock_guard held(shared.guard);
    for (fragment** at = &shared.fragments; *at; at = &(*at)->next) {
        if ((*at)->bytes < bytes) continue;
        fragment* f = *at;
        *at = f->next;
        m.chunk.at = reinterpret_cast<unsigned char*>(f);
        m.chunk.end = m.chunk.at + f->bytes;
        return true;
    }
    if (shared.map.at == shared.map.end) {
        unsigned char* map = map_megabyte();
        if (!map) return false;
        shared.map = {map, map + map_bytes};
    }
    m.chunk = {shared.map.at, shared.map.at + memory::chunk_bytes};
    shared.map.at += memory::chunk_bytes;
    return true;
}

void* carve_frame(std::size_t bytes) noexcept {
    thread_memory& m = mine;
    if (static_cast<std::size_t>(m.chunk.end - m.chunk.at) < bytes && !take_chunk(bytes)) return nullptr;
    void* frame = m.chunk.at;
    m.chunk.at += bytes;
    ++m.carved_frames;
    return frame;
}

bool take_slab() noexcept {
    constexpr std::size_t part = batch_of(branch_class) * sizeof(branch);
    static_assert(memory::slab_bytes % part == 0);
    lock_guard held(shared.guard);
    if (shared.slab_used == memory::slab_bytes) {
        std::size_t n = shared.slab_count.load(order::relaxed);
        if (n == max_slabs) return false;
        if (!branch_batches) {
            branch_batches = static_cast<piece**>(sys::map_memory(max_branch_batches * sizeof(piece*)));
            if (!branch_batches) return false;
        }
        static_assert(memory::slab_bytes == map_bytes);
        void* slab = map_megabyte();
        if (!slab) return false;
        shared.slabs[n] = slab;
        shared.slab_count.store(n + 1, order::release);
        shared.slab_used = 0;
    }
    auto* at = static_cast<unsigned char*>(shared.slabs[shared.slab_count.load(order::relaxed) - 1]) +
               shared.slab_used;
    shared.slab_used += part;
    mine.slab = {at, at + part};
    return true;
}

void* carve_branch() noexcept {
    thread_memory& m = mine;
    if (m.slab.at == m.slab.end && !take_slab()) return nullptr;
    void* slot = m.slab.at;
    m.slab.at += sizeof(branch);
    ++m.carved_branches;
    return slot;
}

// The thread's list of the class is empty.
[[gnu::noinline]] void* allocate_slowly(std::size_t bytes) noexcept {
    const std::size_t c = bytes / block;
    thread_memory& m = mine;
    if (!m.known) register_thread();
    if (must_fail()) return nullptr;
    if (m.open) {
        piece* batch = m.spare[c];
        m.spare[c] = nullptr;
        if (!batch) batch = pop_batch(c);
        if (batch) {
            m.lists[c] = {batch->next, 1};
            return batch;
        }
    }
    if (piece* p = pop_loose(c)) return p;
    if (!m.open) {
        if (piece* batch = pop_batch(c)) {
            loosen(c, batch->next);
            return batch;
        }
    }
    return c == branch_class ? carve_branch() : carve_frame(c * block);
}

// The thread's list of the class is full.
[[gnu::noinline]] void free_slowly(piece* p, std::size_t bytes) noexcept {
    const std::size_t c = bytes / block;
    thread_memory& m = mine;
    list& l = m.lists[c];
    ++l.room; // was taken below zero
    if (!m.known) register_thread();
    if (!m.open) return push_loose(c, p);
    if (l.room == 0) {
        if (m.spare[c])
            push_batch(c, l.head);
        else
            m.spare[c] = l.head;
        l = {nullptr, batch_of(c)};
    }
    p->next = l.head;
    l.head = p;
    --l.room;
}

// A list is as large as a block, so that a frame's size is the offset of its list: no shift, no mask.
static_assert(sizeof(list) == block);
inline list& list_at(std::size_t bytes) noexcept {
    return *reinterpret_cast<list*>(reinterpret_cast<unsigned char*>(mine.lists) + bytes);
}

// `bytes` is a multiple of `block`, 0 for a branch.
inline void* allocate(std::size_t bytes) noexcept {
    list& l = list_at(bytes);
    piece* p = l.head;
    if (!p) [[unlikely]]
        return allocate_slowly(bytes);
    l.head = p->next;
    ++l.room;
    return p;
}

inline void free(std::size_t bytes, void* memory) noexcept {
    list& l = list_at(bytes);
    auto* p = static_cast<piece*>(memory);
    if (--l.room > INT64_MAX) [[unlikely]] // below zero, in a form that is one instruction in memory
        return free_slowly(p, bytes);
    p->next = l.head;
    l.head = p;
}

} // namespace

namespace port {

void* allocate_frame(std::size_t bytes) noexcept {
    if constexpr (frames_from_heap) return allocate_large_frame(bytes);
    return allocate(bytes);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
    if constexpr (frames_from_heap) return free_large_frame(frame, bytes);
    free(bytes, frame);
}

void* allocate_large_frame(std::size_t bytes) noexcept {
    if (must_fail()) return nullptr;
    void* frame = std::malloc(bytes);
    if (frame) heap_frames.fetch_add(1, order::relaxed);
    return frame;
}

void free_large_frame(void* frame, std::size_t) noexcept {
    heap_frames.fetch_sub(1, order::relaxed);
    std::free(frame);
}

void* allocate_branch() noexcept { return allocate(branch_class * block); }
void free_branch(void* slot) noexcept { free(branch_class * block, slot); }

} // namespace port

namespace memory {

usage measure() noexcept {
    usage u{};
    std::size_t free_frames = 0;
    std::size_t free_branches = 0;
    auto count = [&](std::size_t c, std::size_t n) noexcept {
        (c == branch_class ? free_branches : free_frames) += n;
    };
    lock_guard held(shared.guard);
    u.live_frames = shared.carved_frames + heap_frames.load(order::relaxed);
    u.live_branches = shared.carved_branches;
    u.mapped_bytes = shared.mapped;
    for (thread_memory* m = shared.threads; m; m = m->next) {
        u.live_frames += m->carved_frames;
        u.live_branches += m->carved_branches;
        for (std::size_t c = 0; m->open && c < classes; ++c)
            count(c, batch_of(c) - m->lists[c].room + (m->spare[c] ? batch_of(c) : 0));
    }
    for (std::size_t c = 0; c < classes; ++c)
        count(c, std::size_t{depots[c].batch_count.load(order::relaxed)} * batch_of(c) +
                     depots[c].loose_count.load(order::relaxed));
    u.live_frames -= free_frames;
    u.live_branches -= free_branches;
    return u;
}

std::span<void* const> slabs() noexcept { return {shared.slabs, shared.slab_count.load(order::acquire)}; }

void fail_allocation(std::size_t number) noexcept {
    watched.store(1, order::relaxed);
    if (mine.open) empty_lists();
    failing.store(number, order::relaxed);
    asked.store(0, order::relaxed);
}

std::size_t allocations() noexcept { return asked.load(order::relaxed); }

} // namespace memory
} // namespace weft
