// The deque of operands: in one thread, and in a model that tries every order of events of a home and its thieves.
#include <weft/core/fork_deque.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <vector>

namespace {

weft::fork_base* fork_number(std::uintptr_t i) { return reinterpret_cast<weft::fork_base*>(i); }
std::uintptr_t number_of(weft::fork_base* f) { return reinterpret_cast<std::uintptr_t>(f); }

TEST(fork_deque, the_newest_for_the_home_and_the_oldest_for_others) {
    weft::fork_deque d;
    EXPECT_TRUE(d.empty());
    EXPECT_EQ(d.pop(), nullptr);
    for (std::uintptr_t i = 1; i <= 5; ++i) EXPECT_TRUE(d.push(*fork_number(i)));
    EXPECT_EQ(number_of(d.pop()), 5u);
    EXPECT_EQ(number_of(d.take(d.look())), 1u);
    EXPECT_EQ(number_of(d.take(d.look())), 2u);
    EXPECT_EQ(number_of(d.pop()), 4u);
    std::size_t found = d.look();
    EXPECT_EQ(number_of(d.pop()), 3u);
    EXPECT_EQ(d.take(found), nullptr); // the home was faster
    EXPECT_EQ(d.look(), weft::fork_deque::nothing);
    EXPECT_EQ(d.pop(), nullptr);
}

TEST(fork_deque, says_when_it_is_full) {
    weft::fork_deque d;
    for (int round = 0; round < 3; ++round) {
        std::uintptr_t next = 1;
        while (d.push(*fork_number(next))) ++next;
        EXPECT_EQ(next, weft::fork_deque::room + 1);
        EXPECT_EQ(number_of(d.take(d.look())), 1u);
        EXPECT_TRUE(d.push(*fork_number(next)));
        for (std::size_t i = 0; i < weft::fork_deque::room; ++i) EXPECT_NE(d.pop(), nullptr);
        EXPECT_EQ(d.pop(), nullptr);
    }
}

// The model. Memory is that of a machine on which a thread's stores wait in a buffer, first in first out, while its loads
// go ahead (as on x86; the order of loads among themselves is the program's). An exchange empties the own buffer first, and
// the thieves' fence empties everybody's. A state is the memory, the buffers, and what every operation of each thread has
// yielded; a thread is taken one operation further by running its program again from the start with what its operations
// have yielded so far.
struct thread_state {
    std::vector<std::uint64_t> yielded;
    std::vector<std::pair<std::size_t, std::uint64_t>> buffer; // cell, value
    std::vector<std::uintptr_t> got;
    bool done = false;
    auto operator<=>(const thread_state&) const = default;
};
struct state {
    std::vector<std::uint64_t> memory;
    std::vector<thread_state> threads;
    auto operator<=>(const state&) const = default;
};

state* now = nullptr;
std::size_t running = 0;
std::size_t replayed = 0;
bool went_further = false;
std::jmp_buf out_of_the_program;
std::vector<std::uint64_t> initial_memory;

std::uint64_t* in_buffer(thread_state& t, std::size_t cell) {
    auto at =
        std::find_if(t.buffer.rbegin(), t.buffer.rend(), [&](auto& entry) { return entry.first == cell; });
    return at == t.buffer.rend() ? nullptr : &at->second;
}
void empty_one(state& s, thread_state& t) {
    s.memory[t.buffer.front().first] = t.buffer.front().second;
    t.buffer.erase(t.buffer.begin());
}
void empty(state& s, thread_state& t) {
    while (!t.buffer.empty()) empty_one(s, t);
}

template <class F> std::uint64_t operation(F perform) {
    thread_state& t = now->threads[running];
    if (replayed == t.yielded.size()) {
        if (went_further) std::longjmp(out_of_the_program, 1);
        went_further = true;
        t.yielded.push_back(perform(*now, t));
    }
    return t.yielded[replayed++];
}

bool fences_work = true;
void fence_all() {
    operation([](state& s, thread_state&) {
        for (thread_state& t : s.threads)
            if (fences_work) empty(s, t);
        return std::uint64_t{0};
    });
}

template <class T> std::uint64_t word(T value) {
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<std::uintptr_t>(value);
    else
        return value;
}
template <class T> T value_of_word(std::uint64_t w) {
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<T>(static_cast<std::uintptr_t>(w));
    else
        return static_cast<T>(w);
}

template <class T> class model_atomic {
  public:
    explicit model_atomic(T value = T()) : cell_(initial_memory.size()) {
        initial_memory.push_back(word(value));
    }
    T load(weft::order) const {
        return value_of_word<T>(operation([&](state& s, thread_state& t) {
            std::uint64_t* own = in_buffer(t, cell_);
            return own ? *own : s.memory[cell_];
        }));
    }
    void store(T value, weft::order) {
        operation([&](state&, thread_state& t) {
            t.buffer.emplace_back(cell_, word(value));
            return std::uint64_t{0};
        });
    }
    bool compare_exchange(T& expected, T desired, weft::order) {
        std::uint64_t found = operation([&](state& s, thread_state& t) {
            empty(s, t);
            std::uint64_t old = s.memory[cell_];
            if (old == word(expected)) s.memory[cell_] = word(desired);
            return old;
        });
        if (found == word(expected)) return true;
        expected = value_of_word<T>(found);
        return false;
    }

  private:
    std::size_t cell_;
};

using model_deque = weft::basic_fork_deque<model_atomic, 4>;
using program = std::function<void(model_deque&, std::vector<std::uintptr_t>&)>;

// A letter an operation: u pushes the next number, o pops.
program home(const char* operations) {
    return [operations](model_deque& d, std::vector<std::uintptr_t>& got) {
        std::uintptr_t next = 1;
        for (const char* at = operations; *at; ++at) {
            if (*at == 'u')
                d.push(*fork_number(next++));
            else if (weft::fork_base* f = d.pop())
                got.push_back(number_of(f));
        }
    };
}
program thief(int attempts) {
    return [attempts](model_deque& d, std::vector<std::uintptr_t>& got) {
        for (int i = 0; i < attempts; ++i) {
            std::size_t found = d.look();
            if (found == model_deque::nothing) continue;
            fence_all();
            if (weft::fork_base* f = d.take(found)) got.push_back(number_of(f));
        }
    };
}

struct exploration {
    std::vector<program> programs;
    std::set<state> seen;
    std::size_t ends = 0;
    std::size_t wrong = 0;
    std::uintptr_t pushed = 0;

    void explore(const char* operations, std::vector<program> thieves) {
        pushed =
            static_cast<std::uintptr_t>(std::count(operations, operations + std::strlen(operations), 'u'));
        programs.push_back(home(operations));
        for (program& p : thieves) programs.push_back(p);
        initial_memory.clear();
        model_deque deque;
        std::vector<state> open;
        open.push_back({initial_memory, std::vector<thread_state>(programs.size())});
        while (!open.empty()) {
            state s = std::move(open.back());
            open.pop_back();
            if (!seen.insert(s).second) continue;
            bool any = false;
            for (std::size_t i = 0; i < programs.size(); ++i) {
                if (!s.threads[i].buffer.empty()) {
                    any = true;
                    state next = s;
                    empty_one(next, next.threads[i]);
                    open.push_back(std::move(next));
                }
                if (s.threads[i].done) continue;
                any = true;
                state next = s;
                step(deque, next, i);
                open.push_back(std::move(next));
            }
            if (!any) check(s);
        }
    }

    void step(model_deque& deque, state& s, std::size_t i) {
        now = &s;
        running = i;
        replayed = 0;
        went_further = false;
        s.threads[i].got.clear();
        if (setjmp(out_of_the_program) == 0) {
            programs[i](deque, s.threads[i].got);
            s.threads[i].done = true;
        }
    }

    // Each number is had once, or still there. The cells stand in the order of the members.
    void check(const state& s) {
        ++ends;
        std::vector<std::uint64_t> all;
        for (const thread_state& t : s.threads) all.insert(all.end(), t.got.begin(), t.got.end());
        std::uint64_t bottom = s.memory.front(), top = s.memory.back();
        if (bottom - top > model_deque::room) {
            ++wrong;
            return;
        }
        for (std::uint64_t i = top; i != bottom; ++i) all.push_back(s.memory[1 + i % model_deque::room]);
        std::sort(all.begin(), all.end());
        bool right = all.size() == pushed;
        for (std::size_t i = 0; right && i < all.size(); ++i) right = all[i] == i + 1;
        wrong += !right;
    }
};

TEST(fork_deque_model, every_operand_is_taken_once_in_every_order_of_events) {
    for (const char* operations : {"uo", "uuoo", "uouo", "uuouoo", "uuuooo", "uuoouo"}) {
        exploration one;
        one.explore(operations, {thief(2)});
        EXPECT_GT(one.ends, 1u) << operations;
        EXPECT_EQ(one.wrong, 0u) << operations;
    }
    for (const char* operations : {"uo", "uuoo", "uouo"}) {
        exploration two;
        two.explore(operations, {thief(1), thief(1)});
        EXPECT_GT(two.ends, 1u) << operations;
        EXPECT_EQ(two.wrong, 0u) << operations;
    }
}

// The model finds what it is there to find.
TEST(fork_deque_model, without_the_fence_one_operand_is_taken_twice) {
    fences_work = false;
    exploration e;
    e.explore("uuoo", {thief(2)});
    fences_work = true;
    EXPECT_GT(e.wrong, 0u);
}

} // namespace
