#include <weft/ports/host/memory.hpp>

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/core/port.hpp>

namespace {

namespace memory = weft::memory;
namespace port = weft::port;

TEST(frames, are_aligned_and_do_not_overlap) {
    std::size_t before = memory::measure().live_frames;
    std::vector<std::pair<unsigned char*, std::size_t>> frames;
    for (std::size_t bytes = 32; bytes <= port::small_frame; bytes += port::frame_block) {
        auto* frame = static_cast<unsigned char*>(port::allocate_frame(bytes));
        ASSERT_NE(frame, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % port::frame_block, 0u);
        for (std::size_t i = 0; i < bytes; ++i)
            frame[i] = static_cast<unsigned char>(bytes / port::frame_block);
        frames.emplace_back(frame, bytes);
    }
    EXPECT_EQ(memory::measure().live_frames, before + frames.size());
    for (auto [frame, bytes] : frames) {
        for (std::size_t i = 0; i < bytes; ++i)
            ASSERT_EQ(frame[i], static_cast<unsigned char>(bytes / port::frame_block));
        port::free_frame(frame, bytes);
    }
    EXPECT_EQ(memory::measure().live_frames, before);
}

TEST(frames, large_ones_come_from_the_heap) {
    std::size_t before = memory::measure().live_frames;
    void* frame = port::allocate_large_frame(1 << 20);
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(memory::measure().live_frames, before + 1);
    port::free_large_frame(frame, 1 << 20);
    EXPECT_EQ(memory::measure().live_frames, before);
}

// One thread makes, another frees, as it goes with tasks that end on another worker.
TEST(frames, that_another_thread_frees_come_back) {
    constexpr std::size_t bytes = 160;
    std::mutex guard;
    std::condition_variable changed;
    std::deque<std::pair<void*, void*>> on_the_way;
    bool done = false;
    std::size_t before = memory::measure().live_frames;
    std::size_t mapped_early = 0;
    std::thread consumer([&] {
        std::unique_lock held(guard);
        for (;;) {
            changed.wait(held, [&] { return done || !on_the_way.empty(); });
            if (on_the_way.empty()) return;
            auto [frame, slot] = on_the_way.front();
            on_the_way.pop_front();
            port::free_frame(frame, bytes);
            port::free_branch(slot);
            changed.notify_all();
        }
    });
    for (int i = 0; i < 200'000; ++i) {
        void* frame = port::allocate_frame(bytes);
        void* slot = port::allocate_branch();
        ASSERT_TRUE(frame && slot);
        std::unique_lock held(guard);
        changed.wait(held, [&] { return on_the_way.size() < 1000; });
        on_the_way.emplace_back(frame, slot);
        changed.notify_all();
        if (i == 20'000) mapped_early = memory::measure().mapped_bytes;
    }
    {
        std::lock_guard held(guard);
        done = true;
    }
    changed.notify_all();
    consumer.join();
    memory::usage after = memory::measure();
    EXPECT_EQ(after.live_frames, before);
    // Bounded by what was alive at once, not by what was ever made.
    EXPECT_LE(after.mapped_bytes, mapped_early + (2u << 20));
}

TEST(frames, of_a_thread_that_has_ended_are_used_again) {
    memory::usage before = memory::measure();
    for (int round = 0; round < 200; ++round) {
        std::thread([] {
            std::vector<void*> frames;
            std::vector<void*> slots;
            for (int i = 0; i < 300; ++i) {
                frames.push_back(port::allocate_frame(512));
                slots.push_back(port::allocate_branch());
            }
            for (void* f : frames) port::free_frame(f, 512);
            for (void* s : slots) port::free_branch(s);
        }).join();
    }
    memory::usage after = memory::measure();
    EXPECT_EQ(after.live_frames, before.live_frames);
    EXPECT_EQ(after.live_branches, before.live_branches);
    EXPECT_LE(after.mapped_bytes, before.mapped_bytes + (4u << 20));
}

TEST(branches, are_type_stable_and_start_as_zeroes) {
    std::vector<unsigned char*> slots;
    for (int i = 0; i < 5000; ++i) {
        auto* slot = static_cast<unsigned char*>(port::allocate_branch());
        ASSERT_NE(slot, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot) % 64, 0u);
        slots.push_back(slot);
    }
    for (unsigned char* slot : slots) slot[sizeof(weft::branch) - 1] = 0x5a;
    for (unsigned char* slot : slots) port::free_branch(slot);
    std::vector<unsigned char*> again;
    int kept = 0;
    for (int i = 0; i < 5000; ++i) {
        again.push_back(static_cast<unsigned char*>(port::allocate_branch()));
        kept += again.back()[sizeof(weft::branch) - 1] == 0x5a;
    }
    EXPECT_EQ(kept, 5000) << "a free slot keeps its bytes but for the first word";
    for (unsigned char* slot : again) {
        slot[sizeof(weft::branch) - 1] = 0;
        port::free_branch(slot);
    }
    EXPECT_GE(memory::slabs().size(), 1u);
}

// The last: from here on this thread keeps no lists.
TEST(memory_seam, fails_the_allocation_with_the_number) {
    std::vector<void*> pooled;
    for (int i = 0; i < 10; ++i) pooled.push_back(port::allocate_frame(96));
    for (void* f : pooled) port::free_frame(f, 96);
    memory::usage before = memory::measure();
    memory::fail_allocation(3);
    void* one = port::allocate_frame(96);
    void* two = port::allocate_branch();
    EXPECT_EQ(port::allocate_frame(96), nullptr);
    void* four = port::allocate_large_frame(5000);
    EXPECT_EQ(memory::allocations(), 4u);
    EXPECT_TRUE(one && two && four);
    EXPECT_EQ(memory::measure().live_frames, before.live_frames + 2);
    EXPECT_EQ(memory::measure().live_branches, before.live_branches + 1);
    port::free_frame(one, 96);
    port::free_branch(two);
    port::free_large_frame(four, 5000);
    EXPECT_EQ(memory::measure().live_frames, before.live_frames);
    memory::fail_allocation(0);
    EXPECT_EQ(memory::allocations(), 0u);
}

} // namespace
