// Every public primitive, stopped at every point and short of memory at every point.
#include <weft/core/sweep.hpp>

#include <array>

#include <weft/core/barrier.hpp>
#include <weft/core/broadcast.hpp>
#include <weft/core/channel.hpp>
#include <weft/core/condition.hpp>
#include <weft/core/event.hpp>
#include <weft/core/latch.hpp>
#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/on.hpp>
#include <weft/core/oneshot.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/shared_mutex.hpp>
#include <weft/core/shielded.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/waker.hpp>
#include <weft/core/watch.hpp>
#include <weft/core/when_all.hpp>
#include <weft/core/when_any.hpp>
#include <weft/core/yield.hpp>

namespace {

using namespace std::chrono_literals;
using weft::errc;
using weft::result;
using weft::task;

// Counts itself, so that a local that is destroyed never or twice is found out.
struct counted {
    static inline int alive = 0;
    counted() noexcept { ++alive; }
    counted(const counted&) noexcept { ++alive; }
    ~counted() { --alive; }
};

struct scenario {
    counted watched;
    bool holds(const result<void>&) { return counted::alive == 1; }
};

template <class S> void sweep_of(std::size_t least_turns) {
    weft::testing::sweep_report r = weft::testing::sweep<S>();
#if !defined(WEFT_TEST_ON_CHIP)
    EXPECT_STREQ(r.broken, nullptr) << "at " << r.broken_at;
#endif
    WEFT_CHECK(r.held());
    // The sweep has gone through the scenario and not past it.
    WEFT_CHECK(r.turns >= least_turns);
    WEFT_CHECK(r.allocations >= 3);
    WEFT_CHECK(r.runs >= 1 + 2 * r.turns + r.allocations);
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

task<result<int>> after(weft::clock::duration d, int value) {
    counted local;
    co_await weft::ok(weft::sleep_for(d));
    co_return value;
}
task<result<void>> turns(int n) {
    counted local;
    for (int i = 0; i < n; ++i) co_await weft::yield();
    co_return {};
}
result<void> check(bool right) { return right ? result<void>() : weft::failure(errc::invalid_argument); }

struct yields : scenario {
    task<result<void>> run() { co_return co_await turns(5); }
};
WEFT_TEST(sweep, yield) { sweep_of<yields>(5); }

struct early_returns : scenario {
    task<result<int>> deep(int levels) {
        counted local;
        if (levels == 0) co_return co_await weft::ok(after(1ms, 1));
        int below = co_await weft::ok(deep(levels - 1));
        co_await weft::ok(turns(1));
        int plain = co_await weft::ok(result<int>(1));
        co_return below + plain;
    }
    task<result<void>> run() { co_return check(co_await weft::ok(deep(4)) == 5); }
};
WEFT_TEST(sweep, ok) { sweep_of<early_returns>(5); }

struct sleeps : scenario {
    task<result<void>> run() {
        co_await weft::ok(weft::sleep_for(1ms));
        co_await weft::ok(weft::sleep_until(weft::clock::now() + 1ms));
        // Two with one deadline: a stop comes between the wake of the second and its turn.
        co_await weft::ok(weft::when_all(weft::sleep_for(1ms), weft::sleep_for(1ms)));
        weft::interval every(1ms);
        for (int i = 0; i < 3; ++i) co_await weft::ok(every.tick());
        co_return {};
    }
};
WEFT_TEST(sweep, sleep_and_interval) { sweep_of<sleeps>(6); }

struct scopes : scenario {
    int ended = 0;
    task<result<int>> child(int i) {
        counted local;
        int v = co_await weft::ok(after(std::chrono::microseconds(i), i));
        ++ended;
        co_return v;
    }
    task<result<void>> run() {
        counted local;
        auto inner = [&](weft::scope& s) -> task<result<int>> {
            auto a = s.spawn(child(3));
            auto b = s.spawn(child(1));
            s.spawn(child(2));
            auto c = s.spawn(child(0));
            int sum = co_await weft::ok(a.join());
            sum += co_await weft::ok(b.join());
            co_return sum;
        };
        auto outer = [&](weft::scope& s) -> task<result<int>> {
            auto nested = [&]() -> task<result<int>> { co_return co_await weft::with_scope(inner); };
            auto one = s.spawn(nested());
            s.spawn(turns(3));
            co_return co_await weft::ok(one.join());
        };
        co_return check(co_await weft::ok(weft::with_scope(outer)) == 4 && ended == 4);
    }
};
WEFT_TEST(sweep, with_scope_spawn_join) { sweep_of<scopes>(10); }

struct forked_children : scenario {
    int ended = 0;
    task<result<int>> node(int depth) {
        counted local;
        if (depth == 0) {
            co_await weft::ok(turns(1));
            ++ended;
            co_return 1;
        }
        auto body = [&](weft::scope& s) -> task<result<int>> {
            auto a = s.fork(node(depth - 1));
            s.fork(node(0));
            int b = co_await weft::ok(node(depth - 1));
            co_return b + co_await weft::ok(a.join());
        };
        co_return co_await weft::with_scope(body);
    }
    task<result<void>> run() {
        counted local;
        co_return check(co_await weft::ok(node(2)) == 4 && ended == 7);
    }
};
WEFT_TEST(sweep, scope_fork_join) { sweep_of<forked_children>(6); }

struct failing_scopes : scenario {
    task<result<int>> failing() {
        (void)co_await weft::ok(after(1ms, 1));
        co_return weft::failure(errc::busy);
    }
    task<result<void>> run() {
        auto body = [&](weft::scope& s) -> task<result<void>> {
            s.spawn(failing());
            s.spawn(after(1h, 1));
            co_await weft::ok(weft::sleep_for(2h));
            co_return {};
        };
        auto r = co_await weft::with_scope(body);
        if (!r && r.error() == errc::busy) co_return {};
        co_return weft::failure(r ? errc::other : r.error().code());
    }
};
WEFT_TEST(sweep, with_scope_whose_child_fails) { sweep_of<failing_scopes>(4); }

struct alls : scenario {
    task<result<void>> run() {
        auto [a, nothing, b] =
            co_await weft::ok(weft::when_all(after(2ms, 1), weft::sleep_for(1ms), after(1ms, 2)));
        auto failed = co_await weft::when_all(after(1h, 1), [&]() -> task<result<int>> {
            co_await weft::ok(turns(1));
            co_return weft::failure(errc::busy);
        }());
        if (failed || failed.error() != errc::busy)
            co_return weft::failure(failed ? errc::other : failed.error());
        co_return check(a == 1 && b == 2);
    }
};
WEFT_TEST(sweep, when_all) { sweep_of<alls>(6); }

// The value of the one that has ended first.
template <class... T> result<int> first_of(weft::any_outcome<T...> r) {
    result<int> first = weft::failure(errc::other);
    std::size_t i = 0;
    auto look = [&](auto& outcome) {
        if (i++ != r.first) return;
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(outcome)>, result<int>>)
            first = outcome;
        else
            first = outcome ? result<int>(0) : weft::failure(outcome.error());
    };
    std::apply([&](auto&... outcome) { (look(outcome), ...); }, r.outcomes);
    return first;
}

struct anys : scenario {
    task<result<int>> inner() { co_return first_of(co_await weft::when_any(after(1ms, 3), after(2ms, 4))); }
    task<result<void>> run() {
        auto two = first_of(co_await weft::when_any(after(1h, 1), after(1ms, 2), weft::sleep_for(1h)));
        co_await weft::ok(two);
        auto three = first_of(co_await weft::when_any(inner(), after(1h, 5)));
        int value = co_await weft::ok(three);
        co_return check(*two == 2 && value == 3);
    }
};
WEFT_TEST(sweep, when_any) { sweep_of<anys>(6); }

// A range takes its own blocks, a frame and a branch a task.
template <class F> std::array<task<result<int>>, 3> three(F f) { return {f(0), f(1), f(2)}; }
struct ranges : scenario {
    task<result<void>> run() {
        auto all = co_await weft::ok(weft::when_all(three([](int i) { return after(3ms - i * 1ms, i); })));
        auto any =
            co_await weft::ok(weft::when_any(three([](int i) { return after(i == 1 ? 1ms : 1h, i); })));
        co_await weft::ok(any.outcomes[any.first]);
        std::array<task<result<void>>, 2> silent{turns(1), turns(2)};
        co_await weft::ok(weft::when_all(std::span(silent)));
        co_return check(all.size() == 3 && all[0] == 0 && all[2] == 2 && any.first == 1);
    }
};
WEFT_TEST(sweep, when_all_and_when_any_of_a_range) { sweep_of<ranges>(8); }

struct timeouts : scenario {
    task<result<void>> run() {
        auto late = co_await weft::timeout(1ms, after(1h, 1));
        if (late || late.error() != errc::timed_out)
            co_return weft::failure(late ? errc::other : late.error());
        int early = co_await weft::ok(weft::timeout(1h, after(1ms, 2)));
        auto same = co_await weft::timeout(1ms, weft::sleep_for(1ms)); // either may win
        if (!same && same.error() != errc::timed_out) co_return weft::failure(same.error());
        auto nested =
            co_await weft::timeout(1ms, weft::timeout(2ms, weft::timeout(3ms, weft::sleep_for(1h))));
        if (nested || nested.error() != errc::timed_out)
            co_return weft::failure(nested ? errc::other : nested.error());
        co_return check(early == 2);
    }
};
WEFT_TEST(sweep, timeout) { sweep_of<timeouts>(8); }

struct untils : scenario {
    task<result<void>> run() {
        weft::stop_source source;
        auto stopping = [&]() -> task<result<void>> {
            auto r = co_await turns(2);
            source.request_stop();
            co_return r;
        };
        auto both = co_await weft::when_any(weft::until(source.token(), after(1h, 1)), stopping());
        if (!both.get<1>()) co_return weft::failure(both.get<1>().error());
        auto again = co_await weft::until(source.token(), weft::sleep_for(1h));
        auto never = co_await weft::until(weft::stop_token(), after(1ms, 2));
        if (!never) co_return weft::failure(never.error());
        co_return check(!both.get<0>() && !again && *never == 2);
    }
};
WEFT_TEST(sweep, until) { sweep_of<untils>(5); }

struct shields : scenario {
    bool cleaned_up = false;
    task<result<int>> clean_up() {
        int v = co_await weft::ok(after(1ms, 9));
        co_await weft::ok(weft::timeout(1h, weft::sleep_for(1ms)));
        cleaned_up = true;
        co_return v;
    }
    bool reached = false;
    bool out_of_memory = false;
    task<result<void>> run() {
        auto slept = co_await weft::sleep_for(1ms);
        reached = true;
        auto v = co_await weft::shielded(clean_up());
        if (!v) {
            out_of_memory = v.error() == errc::out_of_memory;
            co_return weft::failure(v.error());
        }
        co_return slept;
    }
    bool holds(const result<void>& r) {
        return scenario::holds(r) && (!reached || cleaned_up || out_of_memory);
    }
};
WEFT_TEST(sweep, shielded) { sweep_of<shields>(4); }

struct elsewhere : scenario {
    task<result<void>> run() {
        weft::executor& here = *weft::port::current();
        int v = co_await weft::ok(weft::on(here, after(1ms, 3)));
        co_return check(v == 3);
    }
};
WEFT_TEST(sweep, on) { sweep_of<elsewhere>(3); }

struct wakers : scenario {
    task<result<void>> run() {
        weft::waker w;
        auto waking = [&]() -> task<result<void>> {
            auto r = co_await turns(2);
            w.wake();
            co_return r;
        };
        co_await weft::ok(weft::when_all(w.wait(), waking()));
        w.wake();
        co_await weft::ok(w.wait());
        co_return {};
    }
};
WEFT_TEST(sweep, waker) { sweep_of<wakers>(4); }

template <class M> struct mutexes : scenario {
    M m;
    int inside = 0;
    bool excluded = true;
    task<result<void>> user() {
        for (int i = 0; i < 2; ++i) {
            auto held = co_await weft::ok(m.lock());
            excluded &= ++inside == 1;
            auto r = co_await turns(1);
            --inside;
            co_await weft::ok(r);
        }
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(user(), user(), user()));
        co_return {};
    }
    bool holds(const result<void>& r) { return scenario::holds(r) && excluded && m.try_lock().has_value(); }
};
WEFT_TEST(sweep, mutex) {
    sweep_of<mutexes<weft::mutex>>(8);
    sweep_of<mutexes<weft::local::mutex>>(8);
}

template <class M> struct shared_mutexes : scenario {
    M m;
    int readers = 0;
    int writers = 0;
    bool excluded = true;
    task<result<void>> reader() {
        auto held = co_await weft::ok(m.lock_shared());
        ++readers;
        excluded &= writers == 0;
        auto r = co_await turns(2);
        --readers;
        co_return r;
    }
    task<result<void>> writer() {
        auto held = co_await weft::ok(m.lock());
        excluded &= ++writers == 1 && readers == 0;
        auto r = co_await turns(1);
        --writers;
        co_return r;
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(reader(), writer(), reader(), reader(), writer(), reader()));
        co_return {};
    }
    bool holds(const result<void>& r) { return scenario::holds(r) && excluded && m.try_lock().has_value(); }
};
WEFT_TEST(sweep, shared_mutex) {
    sweep_of<shared_mutexes<weft::shared_mutex>>(8);
    sweep_of<shared_mutexes<weft::local::shared_mutex>>(8);
}

template <class S> struct semaphores : scenario {
    S s{3};
    task<result<void>> user(std::size_t n) {
        co_await weft::ok(s.acquire(n));
        auto r = co_await turns(2);
        s.release(n);
        co_return r;
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(user(2), user(3), user(1), user(1), user(2)));
        co_return {};
    }
    bool holds(const result<void>& r) { return scenario::holds(r) && s.available() == 3; }
};
WEFT_TEST(sweep, semaphore) {
    sweep_of<semaphores<weft::semaphore>>(8);
    sweep_of<semaphores<weft::local::semaphore>>(8);
}

template <class E, class A> struct events : scenario {
    E e;
    A a;
    A was_taken;
    int set = 0;
    int taken = 0;
    task<result<void>> setting() {
        auto r = co_await turns(2);
        e.set();
        for (int i = 0; i < 2; ++i) {
            if (!a.is_set()) ++set;
            a.set();
            auto next = co_await was_taken.wait();
            if (r) r = next;
        }
        co_return r;
    }
    task<result<void>> waiting() {
        co_await weft::ok(e.wait());
        co_await weft::ok(a.wait());
        ++taken;
        was_taken.set();
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(waiting(), waiting(), setting()));
        co_return {};
    }
    bool holds(const result<void>& r) { return scenario::holds(r) && taken + a.is_set() == set; }
};
WEFT_TEST(sweep, event_and_auto_event) {
    sweep_of<events<weft::event, weft::auto_event>>(6);
    sweep_of<events<weft::local::event, weft::local::auto_event>>(6);
}

template <class B, class L> struct barriers : scenario {
    B b{3};
    L l{3};
    int last = 0;
    task<result<void>> party(int speed) {
        for (int i = 0; i < 2; ++i) {
            co_await weft::ok(turns(speed));
            last += co_await weft::ok(b.arrive_and_wait());
        }
        l.count_down();
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(party(0), party(1), party(2), l.wait()));
        co_return check(last == 2);
    }
};
WEFT_TEST(sweep, barrier_and_latch) {
    sweep_of<barriers<weft::barrier, weft::latch>>(8);
    sweep_of<barriers<weft::local::barrier, weft::local::latch>>(8);
}

template <class M, class C> struct conditions : scenario {
    M m;
    C changed;
    int stored = 0;
    int produced = 0;
    int consumed = 0;
    bool right = true;
    task<result<void>> consume() {
        auto held = co_await weft::ok(m.lock());
        auto r = co_await changed.wait(held, [this] { return stored > 0; });
        right &= m.is_locked() && held.mutex() == &m;
        co_await weft::ok(r);
        right &= stored > 0;
        --stored;
        ++consumed;
        co_return {};
    }
    task<result<void>> produce() {
        auto held = co_await weft::ok(m.lock());
        ++stored;
        ++produced;
        changed.notify_one();
        co_await weft::ok(turns(1)); // with the mutex: the woken one waits for it
        co_return {};
    }
    task<result<void>> consumer() {
        for (int i = 0; i < 2; ++i) co_await weft::ok(consume());
        co_return {};
    }
    task<result<void>> producer() {
        for (int i = 0; i < 4; ++i) co_await weft::ok(produce());
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(consumer(), consumer(), producer()));
        co_return {};
    }
    bool holds(const result<void>& r) {
        return scenario::holds(r) && right && stored == produced - consumed && m.try_lock().has_value();
    }
};
WEFT_TEST(sweep, condition) {
    sweep_of<conditions<weft::mutex, weft::condition>>(8);
    sweep_of<conditions<weft::local::mutex, weft::local::condition>>(8);
}

// A value that counts itself. What was sent is received, or still there: nothing is lost and nothing is doubled.
struct value {
    static inline int alive = 0;
    explicit value(int v) noexcept : number(v) { ++alive; }
    value(value&& other) noexcept : number(other.number) {
        other.number = 0;
        ++alive;
    }
    ~value() { --alive; }
    int number;
};

template <class C> struct channels : scenario {
    C c;
    long sent = 0;
    long received = 0;
    bool back = true;
    task<result<void>> sender(int first) {
        for (int i = first; i < first + 3; ++i) {
            auto sending = c.send(value(i));
            auto r = co_await sending;
            if (r)
                sent += i;
            else
                back &= sending.value().number == i;
            co_await weft::ok(r);
        }
        co_return {};
    }
    task<result<void>> receiver(int count) {
        for (int i = 0; i < count; ++i) {
            auto got = co_await c.recv();
            if (got) received += got->number;
            co_await weft::ok(got ? result<void>() : weft::failure(got.error()));
            if (i == 1) co_await weft::ok(turns(1));
        }
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(sender(1), receiver(4), sender(10), receiver(2)));
        co_return {};
    }
    bool holds(const result<void>& r) {
        while (auto left = c.try_recv()) received += left->number;
        return scenario::holds(r) && back && sent == received && value::alive == 0;
    }
};
WEFT_TEST(sweep, channel) {
    sweep_of<channels<weft::channel<value, 1>>>(6);
    sweep_of<channels<weft::channel<value, 0>>>(6);
    sweep_of<channels<weft::local::channel<value, 2>>>(6);
    sweep_of<channels<weft::local::channel<value, 0>>>(6);
}

template <class O> struct oneshots : scenario {
    O question;
    O answer;
    bool sent = false;
    bool received = false;
    task<result<void>> asking() {
        co_await weft::ok(turns(1));
        sent = question.send(value(4)).has_value();
        auto got = co_await answer.recv();
        if (!got) co_return weft::failure(got.error());
        co_return check(got->number == 5);
    }
    task<result<void>> answering() {
        auto got = co_await question.recv();
        if (!got) co_return weft::failure(got.error());
        received = true;
        co_await weft::ok(turns(1));
        co_return answer.send(value(got->number + 1));
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(answering(), asking()));
        co_return {};
    }
    bool holds(const result<void>& r) {
        received |= question.try_recv().has_value();
        (void)answer.try_recv();
        return scenario::holds(r) && sent == received && value::alive == 0;
    }
};
WEFT_TEST(sweep, oneshot) {
    sweep_of<oneshots<weft::oneshot<value>>>(4);
    sweep_of<oneshots<weft::local::oneshot<value>>>(4);
}

template <class B> struct broadcasts : scenario {
    B b;
    typename B::receiver left = b.subscribe();
    typename B::receiver right = b.subscribe();
    int sums[2] = {};
    int sent = 0;
    task<result<void>> receiving(typename B::receiver& from, int& sum) {
        for (int i = 0; i < 3; ++i) sum += co_await weft::ok(from.recv());
        co_return {};
    }
    task<result<void>> sending() {
        for (int i = 1; i <= 3; ++i) {
            co_await weft::ok(turns(1));
            if (b.send(i)) sent += i;
        }
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(receiving(left, sums[0]), receiving(right, sums[1]), sending()));
        co_return {};
    }
    bool holds(const result<void>& r) {
        while (auto more = left.try_recv()) sums[0] += *more;
        while (auto more = right.try_recv()) sums[1] += *more;
        return scenario::holds(r) && sums[0] == sent && sums[1] == sent;
    }
};
WEFT_TEST(sweep, broadcast) {
    sweep_of<broadcasts<weft::broadcast<int, 4>>>(6);
    sweep_of<broadcasts<weft::local::broadcast<int, 4>>>(6);
}

template <class W> struct watches : scenario {
    W w;
    typename W::observer one = w.observe();
    typename W::observer two = w.observe();
    int set = 0;
    int seen[2] = {};
    task<result<void>> watching(typename W::observer& o, int& last) {
        while (last < 3) last = co_await weft::ok(o.changed());
        co_return {};
    }
    task<result<void>> setting() {
        for (int i = 1; i <= 3; ++i) {
            w.set(set = i);
            co_await weft::ok(turns(1));
        }
        co_return {};
    }
    task<result<void>> run() {
        co_await weft::ok(weft::when_all(watching(one, seen[0]), setting(), watching(two, seen[1])));
        co_return {};
    }
    bool holds(const result<void>& r) {
        if (auto news = one.try_changed()) seen[0] = *news;
        if (auto news = two.try_changed()) seen[1] = *news;
        return scenario::holds(r) && seen[0] == set && seen[1] == set;
    }
};
WEFT_TEST(sweep, watch) {
    sweep_of<watches<weft::watch<int>>>(6);
    sweep_of<watches<weft::local::watch<int>>>(6);
}

// The sweep finds what it looks for.
struct leaks : scenario {
    counted* lost = nullptr;
    task<result<void>> run() {
        alignas(counted) static unsigned char memory[sizeof(counted)];
        auto r = co_await turns(2);
        if (r) co_await weft::ok(weft::sleep_for(1ms));
        lost = new (static_cast<void*>(memory)) counted;
        co_return {};
    }
    bool holds(const result<void>& r) {
        bool kept = scenario::holds(r);
        if (lost) lost->~counted();
        return kept;
    }
};
WEFT_TEST(sweep, finds_a_leak) {
    auto r = weft::testing::sweep<leaks>();
    WEFT_CHECK(!r.held());
}
struct wrong_error : scenario {
    task<result<void>> run() {
        auto r = co_await weft::sleep_for(1ms);
        co_return r ? result<void>() : weft::failure(errc::busy);
    }
};
WEFT_TEST(sweep, finds_an_error_that_is_no_answer_to_a_stop) {
    auto r = weft::testing::sweep<wrong_error>();
    WEFT_CHECK(!r.held());
    WEFT_CHECK(r.turns > 0);
}

} // namespace
