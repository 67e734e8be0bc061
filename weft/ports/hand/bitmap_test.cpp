// An executor's bitmap of ready levels in memory of somebody else's, as a kernel would read it.
#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/core/machine/executor.hpp>
#include <weft/core/testing.hpp>

namespace {

using weft::executor;
using weft::job;

// What is ready, and asks whether its level's bit is set while it runs.
struct probe : weft::continuation {
    probe() noexcept : continuation{&run, &weft::message_marker} {}
    static void run(continuation* self) {
        auto& p = *static_cast<probe*>(self);
        p.seen = *p.map;
        ++p.turns;
    }
    const std::uint32_t* map = nullptr;
    std::uint32_t seen = ~0u;
    int turns = 0;
};

WEFT_TEST(placed_bitmap, tells_from_foreign_memory_which_levels_are_ready) {
    // A page that another process could have mapped as well.
    auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WEFT_REQUIRE(page != MAP_FAILED);
    auto& word = static_cast<std::uint32_t*>(page)[3];
    {
        weft::run_queue levels[executor::max_levels];
        executor e(levels, executor::max_levels);
        e.place_bitmap(word);
        WEFT_CHECK_EQ(word, 0u);

        probe probes[3];
        job jobs[3];
        const std::size_t priorities[3] = {31, 5, 0};
        for (int i = 0; i < 3; ++i) {
            probes[i].map = &word;
            jobs[i].target = &probes[i];
            jobs[i].level.store(&e.level(priorities[i]), weft::order::relaxed);
        }
        e.level(31).push(jobs[0]);
        WEFT_CHECK_EQ(word, 0x80000000u);
        e.level(5).push(jobs[1]);
        WEFT_CHECK_EQ(word, 0x80000020u);
        e.post_remote(jobs[2]); // in its queue when the executor looks
        WEFT_CHECK_EQ(word, 0x80000020u);

        // Each level's bit goes with its last job.
        WEFT_CHECK(e.run(1));
        WEFT_CHECK_EQ(probes[2].seen, 0x80000020u);
        WEFT_CHECK(e.run(1));
        WEFT_CHECK_EQ(probes[1].seen, 0x80000000u);
        WEFT_CHECK_EQ(word, 0x80000000u);
        WEFT_CHECK(!e.run(1));
        WEFT_CHECK_EQ(probes[0].seen, 0u);
        WEFT_CHECK_EQ(word, 0u);
        for (const probe& p : probes) WEFT_CHECK_EQ(p.turns, 1);

        // Two of one level: the bit stays until both are gone. Nothing else in the page was touched.
        e.level(7).push(jobs[0]);
        e.level(7).push(jobs[1]);
        WEFT_CHECK(e.run(1));
        WEFT_CHECK_EQ(word, 0x80u);
        WEFT_CHECK(!e.run(1));
        WEFT_CHECK_EQ(word, 0u);
        // It is read as well as written: a level whose bit is gone has no turn.
        e.level(2).push(jobs[0]);
        word = 0;
        WEFT_CHECK(!e.run(1));
        word = 4;
        WEFT_CHECK(!e.run(1));
        WEFT_CHECK_EQ(probes[0].turns, 3);
    }
    for (std::size_t i = 0; i < bytes; ++i) WEFT_CHECK_EQ(static_cast<unsigned char*>(page)[i], 0);
    munmap(page, bytes);
}

} // namespace
