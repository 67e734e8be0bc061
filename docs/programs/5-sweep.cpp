// Testing what must hold however it ends: a stop at every point where one can come, and no memory wherever it is asked for.
// A GoogleTest program, on the hand port.
#include <chrono>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/sweep.hpp>

using namespace std::chrono_literals;

// Two connections, of which each visit borrows one.
struct pool {
    weft::semaphore free{2};
};

weft::task<weft::result<void>> careless_visit(pool& p) {
    co_await weft::ok(p.free.acquire());
    co_await weft::ok(weft::sleep_for(5ms)); // a stop ends the task here, and the connection is lost
    p.free.release();
    co_return {};
}

// Gives back what it was given when it goes, by whatever way.
class borrowed {
  public:
    explicit borrowed(pool& p) noexcept : pool_(p) {}
    ~borrowed() { pool_.free.release(); }
    borrowed(const borrowed&) = delete;
    borrowed& operator=(const borrowed&) = delete;

  private:
    pool& pool_;
};

weft::task<weft::result<void>> careful_visit(pool& p) {
    co_await weft::ok(p.free.acquire());
    borrowed connection(p);
    co_await weft::ok(weft::sleep_for(5ms));
    co_return {};
}

// Made anew for each run. run() is what happens, holds() what must be true afterwards.
template <auto visit> struct five_visits {
    pool p;

    weft::task<weft::result<void>> run() {
        auto body = [this](weft::scope& s) -> weft::task<> {
            for (int i = 0; i < 5; ++i) s.spawn(visit(p));
            co_return;
        };
        co_return co_await weft::with_scope(body);
    }
    bool holds(const weft::result<void>&) { return p.free.available() == 2; }
};

TEST(pool, a_careful_visit_gives_its_connection_back) {
    weft::testing::sweep_report report = weft::testing::sweep<five_visits<careful_visit>>();
    EXPECT_TRUE(report.held()) << report.broken << " at " << report.broken_at;
    EXPECT_GT(report.turns, 10u); // so many moments for a stop there were
}

TEST(pool, a_careless_one_is_found_out) {
    EXPECT_FALSE(weft::testing::sweep<five_visits<careless_visit>>().held());
}
