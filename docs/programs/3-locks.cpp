// State that tasks on several threads share: a mutex held across a wait, and a semaphore as a limit.
//
// Prints:
//     1000 transfers, and 200 are still there
//     never more than 3 at a time
#include <algorithm>
#include <cstdio>

#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>

struct accounts {
    weft::mutex mutex;
    int left = 100;
    int right = 100;
    int transfers = 0;
};

weft::task<weft::result<void>> transfer(accounts& a) {
    auto held = co_await weft::ok(a.mutex.lock());
    a.left -= 1;
    co_await weft::yield(); // others run in between, on this thread and on others; the mutex is held
    a.right += 1;
    ++a.transfers;
    co_return {}; // the guard unlocks
}

struct busy {
    weft::mutex mutex;
    int now = 0;
    int most = 0;
};

weft::task<weft::result<void>> visit(weft::semaphore& seats, busy& b) {
    co_await weft::ok(seats.acquire());
    {
        auto held = co_await weft::ok(b.mutex.lock());
        b.most = std::max(b.most, ++b.now);
    }
    co_await weft::yield();
    {
        auto held = co_await weft::ok(b.mutex.lock());
        --b.now;
    }
    seats.release();
    co_return {};
}

weft::task<weft::result<void>> program(accounts& a, busy& b) {
    weft::semaphore seats(3);
    auto body = [&](weft::scope& s) -> weft::task<> {
        for (int i = 0; i < 1000; ++i) s.spawn(transfer(a));
        for (int i = 0; i < 100; ++i) s.spawn(visit(seats, b));
        co_return;
    };
    co_return co_await weft::with_scope(body);
}

int main() {
    weft::runtime_options options;
    options.threads = 4;
    accounts a;
    busy b;
    weft::result<void> done = weft::run(options, program(a, b));
    if (!done) return 1;
    std::printf("%d transfers, and %d are still there\n", a.transfers, a.left + a.right);
    std::printf("%s more than 3 at a time\n", b.most <= 3 ? "never" : "once");
}
