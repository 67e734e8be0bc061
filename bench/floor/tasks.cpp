// The floors of tasks: calls, spawns, yields, hand-offs between two tasks, fork and join.
#include <vector>

#include "coroutine.hpp"
#include "floor.hpp"

namespace floors {
namespace {

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
[[gnu::noinline]] spawned trivial(std::uint8_t& ran) {
    ran = 1;
    co_return;
}
struct all_of {
    batch& b;
    bool await_ready() { return b.left == 0; }
    void await_suspend(handle h) { b.waiter = h; }
    void await_resume() {}
};
job spawner(std::size_t n, std::vector<std::uint8_t>& ran) {
    for (std::size_t i = 0; i < n; i += ran.size()) {
        batch b{ran.size(), {}};
        for (std::uint8_t& r : ran) {
            spawned s = trivial(r);
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

// A mutex that is handed over, through the queue. `n` times each.
struct baton {
    bool locked = true; // by whoever begins
    handle first{}, second{};
    struct lock_op {
        baton& b;
        bool await_ready() { return !std::exchange(b.locked, true); }
        void await_suspend(handle h) { (b.first ? b.second : b.first) = h; }
        void await_resume() {}
    };
    void unlock() {
        locked = first != nullptr;
        if (!first) return;
        ready->push(std::exchange(first, std::exchange(second, nullptr)));
    }
};
job locker(baton& b, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        baton::lock_op lock{b};
        co_await lock;
        ++sink;
        b.unlock();
    }
}

// Fork and join, where nothing forks: the frames of nested children.
using nested = basic_child<stacked>;
nested fib(std::uint64_t n) {
    if (n < 2) co_return n;
    std::uint64_t a = co_await fib(n - 1);
    std::uint64_t b = co_await fib(n - 2);
    co_return a + b;
}
[[gnu::noinline]] std::uint64_t serial_fib(std::uint64_t n) {
    if (n < 2) return n;
    std::uint64_t a = serial_fib(n - 1);
    asm volatile("" : "+r"(a)); // no loop of it
    return a + serial_fib(n - 2);
}
nested skynet(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) co_return first;
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 10; ++i) sum += co_await skynet(first + i * leaves / 10, leaves / 10);
    co_return sum;
}
nested place(measure::queens board) {
    if (board.placed()) co_return 1;
    std::uint64_t sum = 0;
    for (std::uint32_t left = board.free(); left; left &= left - 1)
        sum += co_await place(board.with(left & -left));
    co_return sum;
}
job store(nested (*what)(std::uint64_t), std::uint64_t n) { sink = co_await what(n); }
nested skynet_of(std::uint64_t leaves) { return skynet(0, leaves); }
nested queens_of(std::uint64_t n) { return place(measure::queens(n)); }

void run_nested(const char* name, nested (*what)(std::uint64_t), std::size_t n, std::size_t expected,
                std::size_t calls) {
    top = static_cast<char*>(std::malloc(1 << 20));
    ready = new ready_ring(8);
    ready->push(store(what, n).h);
    measure::begin();
    ready->run();
    measure::end(name, calls);
    measure::expect(sink, expected, name);
}

} // namespace

void run_child(const measure::arguments& a) {
    ready = new ready_ring(8);
    measure::begin();
    ready->push(calls(a[0]).h);
    ready->run();
    measure::end("child", a[0]);
    measure::expect(sink, measure::sum_below(a[0]), "sum of the children");
}

void run_spawn(const measure::arguments& a) {
    std::size_t n = a[0], alive = a[1];
    ready = new ready_ring(alive + 8);
    std::vector<std::uint8_t> ran(alive);
    ready->push(spawner(alive, ran).h); // fills the pool
    ready->run();
    for (std::uint8_t& r : ran) r = 0;
    measure::begin();
    ready->push(spawner(n, ran).h);
    ready->run();
    measure::end("spawn", n);
    for (std::uint8_t r : ran) sink += r;
    measure::expect(sink, alive, "tasks that ran");
}

void run_yield(const measure::arguments& a) {
    std::size_t tasks = a[0], n = a[1];
    ready = new ready_ring(tasks + 8);
    for (std::size_t i = 0; i < tasks; ++i) ready->push(yielder(n / tasks).h);
    measure::begin();
    ready->run();
    measure::end("yield", n / tasks * tasks);
}

void run_channel(const measure::arguments& arguments) {
    std::size_t n = arguments[0];
    ready = new ready_ring(8);
    slot a, b;
    ready->push(ping(a, b, n).h);
    ready->push(pong(a, b, n).h);
    measure::begin();
    ready->run();
    measure::end("channel", n);
    measure::expect(sink, measure::sum_below(n), "sum of the values");
}

void run_mutex(const measure::arguments& a) {
    std::size_t n = a[0];
    ready = new ready_ring(8);
    baton b;
    ready->push(locker(b, n / 2).h);
    ready->push(locker(b, n / 2).h);
    ready->run();
    measure::begin();
    b.unlock();
    ready->run();
    measure::end("mutex", n / 2 * 2);
    measure::expect(sink, n / 2 * 2, "locks");
}

void run_fib(const measure::arguments& a) {
    run_nested("fib", &fib, a[0], measure::fib_of(a[0]), measure::calls_of_fib(a[0]));
}
void run_skynet(const measure::arguments& a) {
    run_nested("skynet", &skynet_of, a[0], measure::sum_below(a[0]), measure::calls_of_skynet(a[0]));
}
void run_queens(const measure::arguments& a) {
    run_nested("queens", &queens_of, a[0], measure::ways_of_queens(a[0]), measure::calls_of_queens(a[0]));
}
void run_serial_fib(const measure::arguments& a) {
    measure::begin();
    std::size_t result = serial_fib(a[0]);
    measure::end("serial-fib", measure::calls_of_fib(a[0]));
    measure::expect(result, measure::fib_of(a[0]), "fib");
}

} // namespace floors
