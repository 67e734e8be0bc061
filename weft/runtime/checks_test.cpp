// What is found out when it happens: primitives that go while a task waits for them, in every build, and what the machine's pages
// promise, in debug builds.
#include <weft/core/machine/check.hpp>

#include <memory>
#include <new>

#include <gtest/gtest.h>

#include <weft/core/barrier.hpp>
#include <weft/core/channel.hpp>
#include <weft/core/condition.hpp>
#include <weft/core/event.hpp>
#include <weft/core/latch.hpp>
#include <weft/core/machine/root.hpp>
#include <weft/core/machine/steal_deque.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/shared_mutex.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/stop.hpp>
#include <weft/core/yield.hpp>
#include <weft/runtime/run.hpp>

namespace {

using namespace std::chrono_literals;
using weft::task;

constexpr const char* destroyed = "destroyed while a task waits for it";

// `waits(primitive)` is a task that waits for a primitive which then goes.
template <class P, class F, class... A> void destroy_while_waited_for(F waits, A... arguments) {
    weft::run([](F waits, A... arguments) -> task<> {
        auto p = std::make_unique<P>(arguments...);
        auto body = [&](weft::scope& s) -> task<> {
            s.spawn(waits(*p));
            co_await weft::yield();
            p.reset();
        };
        (void)co_await weft::with_scope(body);
    }(waits, arguments...));
}

class checks_death : public testing::Test {
  protected:
    checks_death() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(checks_death, a_primitive_that_goes_while_a_task_waits_for_it) {
    EXPECT_DEATH(
        destroy_while_waited_for<weft::event>([](weft::event& e) -> task<> { (void)co_await e.wait(); }),
        destroyed);
    EXPECT_DEATH(destroy_while_waited_for<weft::semaphore>(
                     [](weft::semaphore& s) -> task<> { (void)co_await s.acquire(); }, 0),
                 destroyed);
    using inbox = weft::channel<int, 1>;
    EXPECT_DEATH(destroy_while_waited_for<inbox>([](inbox& c) -> task<> { (void)co_await c.recv(); }),
                 destroyed);
    EXPECT_DEATH(
        destroy_while_waited_for<weft::latch>([](weft::latch& l) -> task<> { (void)co_await l.wait(); }, 1),
        destroyed);
    EXPECT_DEATH(destroy_while_waited_for<weft::barrier>(
                     [](weft::barrier& b) -> task<> { (void)co_await b.arrive_and_wait(); }, 2),
                 destroyed);
    EXPECT_DEATH(destroy_while_waited_for<weft::mutex>([](weft::mutex& m) -> task<> {
                     auto held = m.try_lock();
                     (void)co_await m.lock();
                 }),
                 destroyed);
    EXPECT_DEATH(destroy_while_waited_for<weft::local::event>(
                     [](weft::local::event& e) -> task<> { (void)co_await e.wait(); }),
                 destroyed);
}

TEST_F(checks_death, a_stop_source_that_goes_while_a_wait_under_its_token_goes_on) {
    EXPECT_DEATH(destroy_while_waited_for<weft::stop_source>([](weft::stop_source& s) -> task<> {
                     (void)co_await weft::until(s.token(), weft::sleep_for(1h));
                 }),
                 "a stop_source was destroyed while a wait under its token went on");
}

// The last waiter may take the source with it, as soon as it goes on.
TEST(stop_source, may_be_destroyed_by_the_last_one_that_it_stops) {
    weft::run([]() -> task<> {
        auto source = std::make_unique<weft::stop_source>();
        int waiting = 8;
        auto waits = [&]() -> task<> {
            (void)co_await weft::until(source->token(), weft::sleep_for(1h));
            if (--waiting == 0) source.reset();
        };
        auto body = [&](weft::scope& s) -> task<> {
            for (int i = 0; i < 8; ++i) s.spawn(waits());
            co_await weft::yield();
            source->request_stop();
        };
        (void)co_await weft::with_scope(body);
        EXPECT_EQ(source, nullptr);
    }());
}

#if defined(WEFT_CHECKS)

// A job for a queue of its own, which nobody turns.
struct message : weft::job {
    message() { target = &nothing; }
    weft::continuation nothing{[](weft::continuation*) {}, &weft::message_marker};
};

TEST_F(checks_death, a_job_stands_in_a_queue_once) {
    weft::run_queue q;
    message a;
    message b;
    q.push(a);
    q.push(b);
    EXPECT_DEATH(q.push(a), "a job joined a run queue in which it stands");
    EXPECT_DEATH(q.push_front(b), "a job joined a run queue in which it stands");
}

TEST_F(checks_death, a_child_is_taken_out_of_the_list_in_which_it_stands) {
    alignas(weft::branch) unsigned char memory[2][sizeof(weft::branch)] = {};
    auto* listed = std::launder(reinterpret_cast<weft::branch*>(memory[0]));
    auto* other = std::launder(reinterpret_cast<weft::branch*>(memory[1]));
    weft::child_list children;
    children.add(*listed);
    other->previous = nullptr;
    EXPECT_DEATH(children.remove(*other), "taken out of a list of children in which it does not stand");
}

TEST_F(checks_death, a_steal_deque_is_not_filled_beyond_its_room) {
    auto deque = std::make_unique<weft::steal_deque>();
    weft::continuation f{nullptr, nullptr};
    for (std::size_t i = 0; i < weft::steal_deque::room; ++i) deque->push(f);
    EXPECT_DEATH(deque->put(0, f), "a steal deque was filled beyond its room");
}

TEST_F(checks_death, an_executor_is_not_run_in_its_own_turn) {
    EXPECT_DEATH(weft::run([]() -> task<> {
                     weft::port::current()->run(1);
                     co_return;
                 }()),
                 "an executor was run within one of its own turns");
}

TEST_F(checks_death, a_branch_is_posted_in_the_context_of_its_home) {
    weft::executor elsewhere;
    alignas(weft::branch) unsigned char memory[sizeof(weft::branch)] = {};
    auto* b = std::launder(reinterpret_cast<weft::branch*>(memory));
    b->level.set_alone(&elsewhere.level());
    EXPECT_DEATH(b->post(), "a branch was posted outside of its home's context");
}

TEST_F(checks_death, a_branch_that_ends_waits_for_nothing_and_is_not_pinned) {
    weft::executor home;
    alignas(weft::branch) unsigned char memory[sizeof(weft::branch)] = {};
    auto* b = std::launder(reinterpret_cast<weft::branch*>(memory));
    b->pin();
    EXPECT_DEATH(b->recycle(home), "a branch ended that waits or is pinned");
}

struct left_open : weft::scope {
    void begin() { open_root(home.level(), false); }
    weft::executor home;
};

TEST_F(checks_death, a_scope_ends_before_it_goes) {
    EXPECT_DEATH(
        {
            left_open s;
            s.begin();
        },
        "a scope was destroyed while children of it are alive");
}

#endif

} // namespace
