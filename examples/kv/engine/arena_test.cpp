#include "testing.hpp"

#include <map>
#include <random>

namespace kv {
namespace {

using testing::region;

TEST(arena, gives_everything_back) {
    region memory{1 << 16};
    std::mt19937 random{1};
    std::map<char*, std::pair<std::size_t, char>> blocks;
    auto check = [&](char* p) {
        auto [size, fill] = blocks[p];
        for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(p[i], fill);
    };
    for (int i = 0; i < 20000; ++i) {
        std::size_t size = random() % (random() % 16 ? 200 : 5000);
        char fill = static_cast<char>(random());
        auto at = blocks.begin();
        if (!blocks.empty()) std::advance(at, random() % blocks.size());
        switch (random() % 3) {
        case 0:
            if (auto* p = static_cast<char*>(memory->allocate(size))) {
                ASSERT_EQ(reinterpret_cast<std::uintptr_t>(p) % 8, 0u);
                ASSERT_GE(memory->usable(p), size);
                ASSERT_FALSE(blocks.contains(p));
                std::memset(p, fill, size);
                blocks[p] = {size, fill};
            }
            break;
        case 1:
            if (blocks.empty()) break;
            check(at->first);
            memory->deallocate(at->first);
            blocks.erase(at);
            break;
        case 2:
            if (blocks.empty()) break;
            check(at->first);
            auto [old, was] = at->second;
            if (auto* p = static_cast<char*>(memory->resize(at->first, size))) {
                blocks.erase(at);
                blocks[p] = {std::min(old, size), was};
                check(p);
                std::memset(p, fill, size);
                blocks[p] = {size, fill};
            }
            break;
        }
    }
    for (auto& [p, what] : blocks) {
        check(p);
        memory->deallocate(p);
    }
    EXPECT_EQ(memory->used(), 0u);
    // In one piece again.
    void* whole = memory->allocate(memory->capacity() - 8);
    EXPECT_TRUE(whole);
    memory->deallocate(whole);
}

TEST(arena, refuses_what_does_not_fit) {
    region memory{4096};
    EXPECT_FALSE(memory->allocate(4096));
    EXPECT_FALSE(memory->allocate(SIZE_MAX));
    EXPECT_FALSE(memory->allocate(SIZE_MAX / 2));
    void* p = memory->allocate(3000);
    ASSERT_TRUE(p);
    EXPECT_FALSE(memory->allocate(3000));
    EXPECT_FALSE(memory->resize(p, SIZE_MAX));
    EXPECT_FALSE(memory->resize_in_place(p, SIZE_MAX - 7));
    memory->deallocate(p);
    EXPECT_EQ(memory->used(), 0u);
    EXPECT_GE(memory->peak(), 3000u);
    arena none{{}};
    EXPECT_FALSE(none.allocate(1));
}

TEST(arena, asks_the_reclaimer_before_it_refuses) {
    static arena* of;
    static void* spare;
    region memory{4096};
    of = memory.operator->();
    spare = memory->allocate(3000);
    memory->set_reclaimer(
        [](void*) {
            of->deallocate(std::exchange(spare, nullptr));
            return of->used() == 0;
        },
        nullptr);
    void* p = memory->allocate(3500);
    EXPECT_TRUE(p);
    memory->set_reclaimer(nullptr, nullptr);
    memory->deallocate(p);
}

TEST(arena, reports_large_frees) {
    static std::size_t freed;
    region memory{4 << 20};
    memory->set_large_free_hook([](void*, std::size_t size) { freed += size; });
    void* small = memory->allocate(1000);
    void* large = memory->allocate(2 << 20);
    memory->deallocate(small);
    EXPECT_EQ(freed, 0u);
    memory->deallocate(large);
    EXPECT_GE(freed, std::size_t{2} << 20);
}

} // namespace
} // namespace kv
