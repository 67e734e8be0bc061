#include "testing.hpp"

#include <deque>
#include <random>

namespace kv {
namespace {

using testing::region;
using side = list::side;

std::deque<std::string> forwards(const list& l) {
    std::deque<std::string> all;
    for (auto at = l.first(); at; at = l.next(at)) all.emplace_back(l.value(at));
    return all;
}
std::deque<std::string> backwards(const list& l) {
    std::deque<std::string> all;
    for (auto at = l.last(); at; at = l.previous(at)) all.emplace_front(l.value(at));
    return all;
}

TEST(list, is_a_deque) {
    for (unsigned seed = 0; seed < 30; ++seed) {
        region memory{8 << 20};
        {
            list l{memory};
            std::deque<std::string> model;
            std::mt19937 random{seed};
            for (int i = 0; i < 4000; ++i) {
                std::string v(random() % (random() % 50 ? random() % 2 ? 6 : 300 : 9000),
                              static_cast<char>('a' + random() % 26));
                side s = random() % 2 ? side::front : side::back;
                std::size_t at = model.empty() ? 0 : random() % model.size();
                switch (random() % 8) {
                case 0:
                case 1:
                case 2:
                    ASSERT_TRUE(l.push(s, v));
                    s == side::front ? model.push_front(v) : model.push_back(v);
                    break;
                case 3:
                    ASSERT_TRUE(l.insert(l.at(at), v));
                    model.insert(model.begin() + static_cast<long>(at), v);
                    break;
                case 4:
                    if (model.empty()) break;
                    ASSERT_TRUE(l.assign(l.at(at), v));
                    model[at] = v;
                    break;
                case 5: {
                    if (model.empty()) break;
                    auto behind = l.erase(l.at(at));
                    model.erase(model.begin() + static_cast<long>(at));
                    ASSERT_EQ(static_cast<bool>(behind), at < model.size());
                    if (behind) {
                        ASSERT_EQ(l.value(behind), model[at]);
                    }
                    break;
                }
                case 6:
                    if (model.empty()) break;
                    ASSERT_EQ(l.peek(s), s == side::front ? model.front() : model.back());
                    l.pop(s);
                    s == side::front ? model.pop_front() : model.pop_back();
                    break;
                case 7: {
                    if (random() % 20) break;
                    std::size_t n = model.empty() ? 0 : random() % model.size();
                    l.drop(s, n);
                    if (s == side::front)
                        model.erase(model.begin(), model.begin() + static_cast<long>(n));
                    else
                        model.resize(model.size() - n);
                    break;
                }
                }
                ASSERT_EQ(l.size(), model.size());
                if (!model.empty()) {
                    ASSERT_EQ(l.value(l.at(model.size() - 1)), model.back());
                }
                ASSERT_FALSE(l.at(model.size()));
                if (i % 50 == 0) {
                    ASSERT_EQ(forwards(l), model);
                    ASSERT_EQ(backwards(l), model);
                }
            }
        }
        EXPECT_EQ(memory->used(), 0u);
    }
}

TEST(list, a_queue_stays_small) {
    region memory{64 << 10};
    list l{memory};
    for (int i = 0; i < 100000; ++i) {
        ASSERT_TRUE(l.push(side::back, std::to_string(i)));
        if (i >= 100) {
            ASSERT_EQ(l.peek(side::front), std::to_string(i - 100));
            l.pop(side::front);
        }
    }
}

TEST(list, small_lists_are_small) {
    region memory{64 << 10};
    list l{memory};
    for (text v : {"a", "b", "c"}) ASSERT_TRUE(l.push(side::back, v));
    EXPECT_LE(memory->used(), 120u);
}

TEST(list, fails_without_a_trace) {
    region memory{4096};
    list l{memory};
    int pushed = 0;
    while (l.push(side::back, "some value of a middling length")) ++pushed;
    EXPECT_GT(pushed, 50);
    while (memory->allocate(8)) {}
    auto before = forwards(l);
    EXPECT_FALSE(l.insert(l.at(30), std::string(1000, 'x')));
    EXPECT_FALSE(l.assign(l.at(30), std::string(1000, 'x')));
    EXPECT_FALSE(l.push(side::front, std::string(1000, 'x')));
    EXPECT_EQ(forwards(l), before);
    EXPECT_EQ(backwards(l), before);
}

} // namespace
} // namespace kv
