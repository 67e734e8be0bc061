// The deque of operands: in one thread, and in a model that tries every order of events of a home and its thieves.
#include <weft/core/machine/steal_deque.hpp>

#include <weft/runtime/memory_model.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

weft::continuation* fork_number(std::uintptr_t i) { return reinterpret_cast<weft::continuation*>(i); }
std::uintptr_t number_of(weft::continuation* f) { return reinterpret_cast<std::uintptr_t>(f); }

TEST(steal_deque, the_newest_for_the_home_and_the_oldest_for_others) {
    weft::steal_deque d;
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
    EXPECT_EQ(d.look(), weft::steal_deque::nothing);
    EXPECT_EQ(d.pop(), nullptr);
}

TEST(steal_deque, says_when_it_is_full) {
    weft::steal_deque d;
    for (int round = 0; round < 3; ++round) {
        std::uintptr_t next = 1;
        while (d.push(*fork_number(next))) ++next;
        EXPECT_EQ(next, weft::steal_deque::room + 1);
        EXPECT_EQ(number_of(d.take(d.look())), 1u);
        EXPECT_TRUE(d.push(*fork_number(next)));
        for (std::size_t i = 0; i < weft::steal_deque::room; ++i) EXPECT_NE(d.pop(), nullptr);
        EXPECT_EQ(d.pop(), nullptr);
    }
}

using weft::testing::model::exploration;
using weft::testing::model::fence_all;
using weft::testing::model::model_atomic;
using weft::testing::model::program;

using model_deque = weft::basic_steal_deque<model_atomic, 4>;
// A letter an operation: u pushes the next number, o pops.
program home(model_deque& d, const char* operations) {
    return [&d, operations](std::vector<std::uintptr_t>& got) {
        std::uintptr_t next = 1;
        for (const char* at = operations; *at; ++at) {
            if (*at == 'u')
                d.push(*fork_number(next++));
            else if (weft::continuation* f = d.pop())
                got.push_back(number_of(f));
        }
    };
}
program thief(model_deque& d, int attempts) {
    return [&d, attempts](std::vector<std::uintptr_t>& got) {
        for (int i = 0; i < attempts; ++i) {
            std::size_t found = d.look();
            if (found == model_deque::nothing) continue;
            fence_all();
            if (weft::continuation* f = d.take(found)) got.push_back(number_of(f));
        }
    };
}

// Each number is had once, or still there. The cells stand in the order of the members.
bool each_once(const weft::testing::model::state& s, std::uintptr_t pushed) {
    std::vector<std::uint64_t> all;
    for (const auto& t : s.threads) all.insert(all.end(), t.got.begin(), t.got.end());
    std::uint64_t bottom = s.memory.front(), top = s.memory.back();
    if (bottom - top > model_deque::room) return false;
    for (std::uint64_t i = top; i != bottom; ++i) all.push_back(s.memory[1 + i % model_deque::room]);
    std::sort(all.begin(), all.end());
    bool right = all.size() == pushed;
    for (std::size_t i = 0; right && i < all.size(); ++i) right = all[i] == i + 1;
    return right;
}

exploration explored(const char* operations, int attempts, int thieves) {
    auto pushed =
        static_cast<std::uintptr_t>(std::count(operations, operations + std::strlen(operations), 'u'));
    weft::testing::model::initial_memory.clear();
    model_deque deque;
    std::vector<program> programs{home(deque, operations)};
    for (int i = 0; i < thieves; ++i) programs.push_back(thief(deque, attempts));
    exploration e;
    e.explore(programs, [pushed](const auto& s) { return each_once(s, pushed); });
    return e;
}

TEST(steal_deque_model, every_operand_is_taken_once_in_every_order_of_events) {
    for (const char* operations : {"uo", "uuoo", "uouo", "uuouoo", "uuuooo", "uuoouo"}) {
        exploration one = explored(operations, 2, 1);
        EXPECT_GT(one.ends, 1u) << operations;
        EXPECT_EQ(one.wrong, 0u) << operations;
    }
    for (const char* operations : {"uo", "uuoo", "uouo"}) {
        exploration two = explored(operations, 1, 2);
        EXPECT_GT(two.ends, 1u) << operations;
        EXPECT_EQ(two.wrong, 0u) << operations;
    }
}

// The model finds what it is there to find.
TEST(steal_deque_model, without_the_fence_one_operand_is_taken_twice) {
    weft::testing::model::fences_work = false;
    exploration e = explored("uuoo", 2, 1);
    weft::testing::model::fences_work = true;
    EXPECT_GT(e.wrong, 0u);
}

} // namespace
