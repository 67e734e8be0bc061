// A model of threads that share memory, for classes that take their atomics as a parameter: tries every order of events.
// Tests: runtime/steal_deque_test.cpp.
#pragma once

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <functional>
#include <set>
#include <type_traits>
#include <vector>

#include <weft/core/atomic.hpp>

namespace weft::testing::model {

// Memory is that of a machine on which a thread's stores wait in a buffer, first in first out, while its loads
// go ahead (as on x86; the order of loads among themselves is the program's). Read-modify-writes empty the own buffer
// first, and fence_all() everybody's. A state is the memory, the buffers, and what every operation of each thread has
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

inline state* now = nullptr;
inline std::size_t running = 0;
inline std::size_t replayed = 0;
inline bool went_further = false;
inline std::jmp_buf out_of_the_program;
inline std::vector<std::uint64_t> initial_memory; // of the atomics that were made, in their order

inline std::uint64_t* in_buffer(thread_state& t, std::size_t cell) {
    auto at =
        std::find_if(t.buffer.rbegin(), t.buffer.rend(), [&](auto& entry) { return entry.first == cell; });
    return at == t.buffer.rend() ? nullptr : &at->second;
}
inline void empty_one(state& s, thread_state& t) {
    s.memory[t.buffer.front().first] = t.buffer.front().second;
    t.buffer.erase(t.buffer.begin());
}
inline void empty(state& s, thread_state& t) {
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

inline bool fences_work = true;
inline void fence_all() {
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
    T exchange(T desired, weft::order) {
        return change([&](T) { return desired; });
    }
    T fetch_or(T bits, weft::order) {
        return change([&](T old) { return old | bits; });
    }
    T fetch_and(T bits, weft::order) {
        return change([&](T old) { return old & bits; });
    }

  private:
    template <class F> T change(F to) {
        return value_of_word<T>(operation([&](state& s, thread_state& t) {
            empty(s, t);
            std::uint64_t old = s.memory[cell_];
            s.memory[cell_] = word(to(value_of_word<T>(old)));
            return old;
        }));
    }

    std::size_t cell_;
};

// What a thread does, from the start: it notes in `got` what it has had.
using program = std::function<void(std::vector<std::uintptr_t>& got)>;

// Every order of the programs' operations, each from the memory that the atomics began with. `is_right` judges the ends.
struct exploration {
    std::set<state> seen;
    std::size_t ends = 0;
    std::size_t wrong = 0;

    void explore(const std::vector<program>& programs, const std::function<bool(const state&)>& is_right) {
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
                step(programs[i], next, i);
                open.push_back(std::move(next));
            }
            if (any) continue;
            ++ends;
            wrong += !is_right(s);
        }
    }

  private:
    static void step(const program& p, state& s, std::size_t i) {
        now = &s;
        running = i;
        replayed = 0;
        went_further = false;
        s.threads[i].got.clear();
        if (setjmp(out_of_the_program) == 0) {
            p(s.threads[i].got);
            s.threads[i].done = true;
        }
    }
};

} // namespace weft::testing::model
