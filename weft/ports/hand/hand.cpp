#include <weft/ports/hand/hand.hpp>

#include <new>

#include <weft/core/machine/split_mix.hpp>
#include <weft/core/port.hpp>

namespace weft {

namespace {

constexpr std::size_t block = 16;              // frames come in multiples of this, and aligned to it
constexpr std::size_t classes = 1024;          // frames up to 16 kB
constexpr std::size_t memory_bytes = 64 << 20; // all frames together
constexpr std::size_t branch_limit = 1 << 18;

struct free_block {
    free_block* next;
};

alignas(16) unsigned char memory[memory_bytes];
std::size_t memory_used = 0;
free_block* free_frames[classes];

alignas(64) unsigned char branches[branch_limit][sizeof(branch)];
std::size_t branches_used = 0;
free_block* free_branches = nullptr;

alignas(hand::world) unsigned char world_storage[sizeof(hand::world)];
hand::world* world_made = nullptr;

bool injected_failure() noexcept {
    hand::world& w = hand::the_world();
    ++w.allocations;
    return w.fail_allocation != 0 && --w.fail_allocation == 0;
}

} // namespace

namespace hand {

world& the_world() noexcept {
    if (!world_made) world_made = new (static_cast<void*>(world_storage)) world;
    return *world_made;
}

void seed(std::uint64_t value) noexcept { the_world().random_state = value; }

bool turn() {
    world& w = the_world();
    w.executor.timers.advance(w.now);
    if (w.executor.run(w.batch)) return true;
    if (!w.executor.prepare_idle()) return true;
    std::int64_t next = w.executor.timers.next_deadline();
    w.executor.finish_idle();
    if (next == timer_wheel::never) return false;
    if (next > w.now) w.now = next;
    return true;
}

void advance(std::int64_t nanoseconds) {
    world& w = the_world();
    std::int64_t until = w.now + nanoseconds;
    for (;;) {
        while (w.executor.run(w.batch)) {}
        std::int64_t next = w.executor.timers.next_deadline();
        if (next > until) break;
        if (next > w.now) w.now = next;
        w.executor.timers.advance(w.now);
    }
    w.now = until;
    w.executor.timers.advance(w.now);
    while (w.executor.run(w.batch)) {}
}

crew::crew(std::size_t members) noexcept : count_(members) {
    if (members < 1 || members > max_members) port::panic("a crew has 1 to 8 members");
    for (std::size_t i = 0; i < count_; ++i) {
        members_[i].shared = true;
        members_[i].join(team_, i);
    }
    the_world().current = &members_[0];
}

namespace {

constexpr std::size_t offered_at_most = 64;

} // namespace

crew::~crew() { the_world().current = &the_world().executor; }

bool crew::turn_of(member& m) {
    world& w = the_world();
    w.current = &m;
    if (m.timers.advance(w.now) != 0) return true;
    if (port::choose(4) == 0) m.offer_surplus(offered_at_most);
    if (!m.prepare_idle()) {
        m.run(1);
        return true;
    }
    m.finish_idle();
    return m.steal();
}

bool crew::turn() {
    std::size_t first = port::choose(count_);
    std::int64_t next = timer_wheel::never;
    for (std::size_t i = 0; i < count_; ++i) {
        member& m = members_[(first + i) % count_];
        if (turn_of(m)) return true;
        if (m.timers.next_deadline() < next) next = m.timers.next_deadline();
    }
    world& w = the_world();
    w.current = &members_[0];
    if (next == timer_wheel::never) return false;
    if (next > w.now) w.now = next;
    return true;
}

} // namespace hand

namespace port {

std::int64_t now() noexcept { return hand::the_world().now; }

void* allocate_frame(std::size_t bytes) noexcept {
    if (injected_failure()) return nullptr;
    std::size_t blocks = (bytes + block - 1) / block;
    if (blocks < classes && free_frames[blocks]) {
        free_block* f = free_frames[blocks];
        free_frames[blocks] = f->next;
        ++hand::the_world().live_frames;
        return f;
    }
    if (memory_used + blocks * block > memory_bytes) return nullptr;
    void* frame = memory + memory_used;
    memory_used += blocks * block;
    ++hand::the_world().live_frames;
    return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
    --hand::the_world().live_frames;
    std::size_t blocks = (bytes + block - 1) / block;
    if (blocks >= classes) return; // a larger one is not reused: this port is for tests
    free_frames[blocks] = new (frame) free_block{free_frames[blocks]};
}

void* allocate_large_frame(std::size_t bytes) noexcept { return allocate_frame(bytes); }
void free_large_frame(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

// A free slot keeps its bytes but for the first word, so that the generation survives.
void* allocate_branch() noexcept {
    if (injected_failure()) return nullptr;
    if (free_branches) {
        free_block* slot = free_branches;
        free_branches = slot->next;
        ++hand::the_world().live_branches;
        return slot;
    }
    if (branches_used == branch_limit) return nullptr;
    ++hand::the_world().live_branches;
    return branches[branches_used++];
}

void free_branch(void* slot) noexcept {
    --hand::the_world().live_branches;
    auto* f = static_cast<free_block*>(slot);
    f->next = free_branches;
    free_branches = f;
}

executor* current() noexcept { return hand::the_world().current; }
void ring(executor&) noexcept {} // nobody sleeps for longer than it takes to look at the clock
void insert_timer(executor& home, timer& t) noexcept { static_cast<hand::member&>(home).timers.insert(t); }
void remove_timer(executor& home, timer& t) noexcept { static_cast<hand::member&>(home).timers.remove(t); }
void relax(unsigned) noexcept {}
std::uintptr_t lock() noexcept { return 0; }
void unlock(std::uintptr_t) noexcept {}
std::size_t choose(std::size_t n) noexcept { return n < 2 ? 0 : random() % n; }

std::uint64_t random() noexcept { return split_mix(hand::the_world().random_state += split_mix_step); }
void panic(const char* why) noexcept {
    hand::the_world().panicked = why;
    __builtin_trap();
}

} // namespace port
} // namespace weft
