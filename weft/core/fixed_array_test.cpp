#include <weft/core/fixed_array.hpp>

#include <weft/core/testing.hpp>

namespace {

struct counted {
    static inline int alive = 0;
    explicit counted(int v) noexcept : value(v) { ++alive; }
    counted(const counted&) = delete;
    ~counted() { --alive; }
    int value;
};

WEFT_TEST(fixed_array, owns_its_values_and_its_block) {
    weft::testing::begin();
    {
        auto a = weft::fixed_array<counted>::with_room(3);
        WEFT_REQUIRE(a.room() == 3);
        WEFT_CHECK(a.empty());
        for (int i = 0; i < 2; ++i) a.emplace_back(i);
        WEFT_CHECK_EQ(a.size(), 2u);
        weft::fixed_array<counted> b(std::move(a));
        WEFT_CHECK(a.empty() && a.room() == 0);
        WEFT_CHECK_EQ(b[1].value, 1);
        auto c = weft::fixed_array<counted>::with_room(1);
        c.emplace_back(7);
        c = std::move(b);
        WEFT_CHECK_EQ(counted::alive, 2);
        int sum = 0;
        for (const counted& v : c) sum += v.value;
        WEFT_CHECK_EQ(sum, 1);
    }
    WEFT_CHECK_EQ(counted::alive, 0);
    weft::testing::end();
    WEFT_CHECK_EQ(weft::testing::live_objects(), 0u);
}

WEFT_TEST(fixed_array, without_memory_it_has_no_room) {
    weft::testing::begin();
    {
        weft::testing::fail_allocation(1);
        auto none = weft::fixed_array<int>::with_room(3);
        weft::testing::fail_allocation(0);
        WEFT_CHECK_EQ(none.room(), 0u);
        auto too_many = weft::fixed_array<int>::with_room(~std::size_t{0} / 2);
        WEFT_CHECK_EQ(too_many.room(), 0u);
    }
    weft::testing::end();
}

} // namespace
