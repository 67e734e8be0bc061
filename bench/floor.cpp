// Floors: what the compiler's bare coroutines cost on a bare intrusive queue, with pooled frames, one thread, no
// errors, no cancellation, no sites. weft's figures are ratios to these, made in the same run by the same compiler.
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "measure.hpp"

namespace {

using handle = std::coroutine_handle<>;

std::uint64_t sink = 0;

struct free_frame {
    free_frame* next;
};
free_frame* pool[64];

void* take(std::size_t bytes) {
    free_frame*& head = pool[(bytes + 15) / 16];
    if (free_frame* f = head) {
        head = f->next;
        return f;
    }
    return std::malloc((bytes + 15) / 16 * 16);
}
void give(void* frame, std::size_t bytes) {
    free_frame*& head = pool[(bytes + 15) / 16];
    auto* f = static_cast<free_frame*>(frame);
    f->next = head;
    head = f;
}

struct pooled {
    static void* operator new(std::size_t n) { return take(n); }
    static void operator delete(void* p, std::size_t n) { give(p, n); }
};

// A ring of ready handles.
struct ready_ring {
    handle* slots;
    std::size_t mask;
    std::size_t head = 0;
    std::size_t tail = 0;
    explicit ready_ring(std::size_t least) {
        std::size_t n = 1;
        while (n < least) n *= 2;
        slots = new handle[n];
        mask = n - 1;
    }
    void push(handle h) { slots[tail++ & mask] = h; }
    void run() {
        while (head != tail) slots[head++ & mask].resume();
    }
};
ready_ring* ready;

// A coroutine that is started by the queue and frees itself.
struct job {
    struct promise_type : pooled {
        job get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    handle h;
};

// A child: created, awaited, destroyed.
struct child {
    struct promise_type : pooled {
        handle parent;
        std::uint64_t value;
        child get_return_object() { return child(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct to_parent {
            bool await_ready() noexcept { return false; }
            handle await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                return h.promise().parent;
            }
            void await_resume() noexcept {}
        };
        to_parent final_suspend() noexcept { return {}; }
        void return_value(std::uint64_t v) { value = v; }
        void unhandled_exception() { std::abort(); }
    };
    explicit child(std::coroutine_handle<promise_type> f) : frame(f) {}
    ~child() { frame.destroy(); }
    bool await_ready() { return false; }
    handle await_suspend(handle h) {
        frame.promise().parent = h;
        return frame;
    }
    std::uint64_t await_resume() { return frame.promise().value; }
    std::coroutine_handle<promise_type> frame;
};
[[gnu::noinline]] child one(std::uint64_t v) { co_return v; }
job calls(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sink += co_await one(i);
}

// Spawn and join: the last of a batch wakes the spawner.
struct batch {
    std::size_t left;
    handle waiter;
};
struct spawned {
    struct promise_type : pooled {
        batch* of = nullptr;
        spawned get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct count_down {
            bool await_ready() noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                batch* b = h.promise().of;
                h.destroy();
                if (--b->left == 0) ready->push(b->waiter);
            }
            void await_resume() noexcept {}
        };
        count_down final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    std::coroutine_handle<promise_type> h;
};
[[gnu::noinline]] spawned trivial() {
    sink = sink + 1;
    co_return;
}
struct all_of {
    batch& b;
    bool await_ready() { return b.left == 0; }
    void await_suspend(handle h) { b.waiter = h; }
    void await_resume() {}
};
job spawner(std::size_t n, std::size_t alive) {
    for (std::size_t i = 0; i < n; i += alive) {
        batch b{alive, {}};
        for (std::size_t k = 0; k < alive; ++k) {
            spawned s = trivial();
            s.h.promise().of = &b;
            ready->push(s.h);
        }
        all_of all{b};
        co_await all;
    }
}

struct to_back {
    bool await_ready() noexcept { return false; }
    void await_suspend(handle h) noexcept { ready->push(h); }
    void await_resume() noexcept {}
};
job yielder(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) co_await to_back{};
}

// One slot; the waiting side goes through the queue.
struct slot {
    bool full = false;
    std::uint64_t value = 0;
    handle receiver{}, sender{};
    struct send_op {
        slot& s;
        std::uint64_t v;
        bool await_ready() { return !s.full; }
        void await_suspend(handle h) { s.sender = h; }
        void await_resume() {
            s.full = true;
            s.value = v;
            if (s.receiver) ready->push(std::exchange(s.receiver, nullptr));
        }
    };
    struct receive_op {
        slot& s;
        bool await_ready() { return s.full; }
        void await_suspend(handle h) { s.receiver = h; }
        std::uint64_t await_resume() {
            s.full = false;
            if (s.sender) ready->push(std::exchange(s.sender, nullptr));
            return s.value;
        }
    };
};
job ping(slot& out, slot& in, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        slot::send_op send{out, i};
        co_await send;
        slot::receive_op receive{in};
        sink += co_await receive;
    }
}
job pong(slot& in, slot& out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        slot::receive_op receive{in};
        std::uint64_t v = co_await receive;
        slot::send_op send{out, v};
        co_await send;
    }
}

// A hierarchical wheel: 6 levels of 64 slots, ticks of one millisecond, doubly linked.
struct wheel_node {
    wheel_node* next;
    wheel_node* previous;
    std::uint64_t at;
    handle h;
};
struct wheel {
    wheel_node slots[6][64];
    std::uint64_t now = 0;
    wheel() {
        for (auto& level : slots)
            for (auto& s : level) s.next = s.previous = &s;
    }
    void add(wheel_node& n) {
        std::uint64_t differing = n.at ^ now;
        int level = differing < 64 ? 0 : (63 - __builtin_clzll(differing)) / 6;
        if (level > 5) level = 5;
        wheel_node& s = slots[level][n.at >> (6 * level) & 63];
        n.next = &s;
        n.previous = s.previous;
        s.previous->next = &n;
        s.previous = &n;
    }
    static void remove(wheel_node& n) {
        n.next->previous = n.previous;
        n.previous->next = n.next;
    }
    void advance(std::uint64_t to) {
        while (now < to) {
            ++now;
            for (int level = 1; level < 6 && !(now & ((1ull << (6 * level)) - 1)); ++level) {
                wheel_node& s = slots[level][now >> (6 * level) & 63];
                while (s.next != &s) {
                    wheel_node& n = *s.next;
                    remove(n);
                    add(n);
                }
            }
            wheel_node& s = slots[0][now & 63];
            while (s.next != &s) {
                wheel_node& n = *s.next;
                remove(n);
                n.h.resume();
            }
        }
    }
};
wheel* timers;
struct sleeping {
    wheel_node node;
    bool await_ready() { return false; }
    void await_suspend(handle h) {
        node.h = h;
        timers->add(node);
    }
    void await_resume() {}
};
job sleeper(std::uint64_t at) {
    sleeping s{{nullptr, nullptr, at, {}}};
    co_await s;
    ++sink;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr,
                     "usage: floor child N | spawn N ALIVE | yield TASKS N | channel N | sleepers N\n");
        return 2;
    }
    std::string_view what = argv[1];
    auto number = [&](int i) { return argc > i ? std::strtoull(argv[i], nullptr, 10) : 0; };
    if (what == "child") {
        std::size_t n = number(2);
        ready = new ready_ring(8);
        measure::begin();
        ready->push(calls(n).h);
        ready->run();
        measure::end("child", n);
    } else if (what == "spawn") {
        std::size_t n = number(2), alive = number(3);
        ready = new ready_ring(alive + 8);
        ready->push(spawner(alive, alive).h); // fills the pool
        ready->run();
        measure::begin();
        ready->push(spawner(n, alive).h);
        ready->run();
        measure::end("spawn", n);
    } else if (what == "yield") {
        std::size_t tasks = number(2), n = number(3);
        ready = new ready_ring(tasks + 8);
        for (std::size_t i = 0; i < tasks; ++i) ready->push(yielder(n / tasks).h);
        measure::begin();
        ready->run();
        measure::end("yield", n / tasks * tasks);
    } else if (what == "channel") {
        std::size_t n = number(2);
        ready = new ready_ring(8);
        slot a, b;
        ready->push(ping(a, b, n).h);
        ready->push(pong(a, b, n).h);
        measure::begin();
        ready->run();
        measure::end("channel", n);
    } else if (what == "sleepers") {
        std::size_t n = number(2);
        timers = new wheel;
        std::uint64_t seed = measure::seed;
        measure::begin();
        std::uint64_t start = measure::wall();
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t at =
                (measure::wall() - start + measure::next(seed) % 1'000'000'000) / 1'000'000 + 1;
            sleeper(at).h.resume();
        }
        while (sink < n) {
            timers->advance((measure::wall() - start) / 1'000'000);
            if (sink < n) measure::pause(1'000'000);
        }
        measure::end("sleepers", n);
    } else {
        std::fprintf(stderr, "floor: unknown workload '%s'\n", argv[1]);
        return 2;
    }
}
