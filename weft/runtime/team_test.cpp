// What workers offer each other, in a model that tries every order of events.
#include <weft/core/machine/team.hpp>

#include <weft/runtime/memory_model.hpp>

#include <gtest/gtest.h>

namespace {

using weft::job;
using weft::testing::model::exploration;
using weft::testing::model::initial_memory;
using weft::testing::model::model_atomic;
using weft::testing::model::program;
using weft::testing::model::state;

// Never looked at; where a job could stand.
job* job_number(std::uintptr_t i) { return reinterpret_cast<job*>(i * alignof(job)); }
constexpr std::uintptr_t slept = 100; // in what a thread has had

// A worker that offers, and two that find nothing to do. The cells stand in the order of the members.
struct world {
    struct cleared {
        cleared() { initial_memory.clear(); }
    } first;
    weft::basic_offer<model_atomic> offer;
    weft::basic_sleepers<model_atomic> sleepers;
    model_atomic<std::uint64_t> knocked[2];
};
enum : std::size_t { offered_cell, sleepers_cell, knocked_cell };

void look_for_sleepers(world& w) {
    std::size_t sleeper = w.sleepers.take_one_but(0);
    if (sleeper != w.sleepers.nobody) w.knocked[sleeper].exchange(1, weft::order::acq_rel);
}
program offers(world& w, bool takes_back) {
    return [&w, takes_back](std::vector<std::uintptr_t>& got) {
        w.offer.put(*job_number(1));
        look_for_sleepers(w);
        if (!takes_back) return;
        if (job* j = w.offer.take()) got.push_back(reinterpret_cast<std::uintptr_t>(j));
    };
}
program goes_to_sleep(world& w, std::size_t index) {
    return [&w, index](std::vector<std::uintptr_t>& got) {
        std::uint64_t bit = std::uint64_t{1} << index;
        w.sleepers.announce(bit);
        if (w.offer.empty()) {
            got.push_back(slept);
            return;
        }
        w.sleepers.withdraw(bit);
        if (job* j = w.offer.take()) got.push_back(reinterpret_cast<std::uintptr_t>(j));
    };
}

// What was offered is had by one, or is there still while somebody is awake who will look: one that did not sleep, or that
// was knocked at.
bool is_right(const state& s) {
    std::size_t had = s.memory[offered_cell] != 0;
    bool somebody_looks = false;
    for (std::size_t i = 0; i < s.threads.size(); ++i) {
        bool sleeps = false;
        for (std::uintptr_t g : s.threads[i].got) {
            if (g == slept)
                sleeps = true;
            else
                ++had;
        }
        if (i > 0) somebody_looks |= !sleeps || s.memory[knocked_cell + i - 1] != 0;
    }
    return had == 1 && (s.memory[offered_cell] == 0 || somebody_looks);
}

TEST(offer_model, an_offer_is_taken_once_and_nobody_sleeps_beside_it) {
    for (std::size_t sleepers = 1; sleepers <= 2; ++sleepers) {
        for (bool takes_back : {false, true}) {
            world w;
            std::vector<program> programs{offers(w, takes_back)};
            for (std::size_t i = 0; i < sleepers; ++i) programs.push_back(goes_to_sleep(w, i));
            exploration e;
            e.explore(programs, &is_right);
            EXPECT_GT(e.ends, 1u);
            EXPECT_EQ(e.wrong, 0u) << sleepers << " sleepers, taken back: " << takes_back;
        }
    }
}

// The model finds what it is there to find: an offer that stands in the buffer of stores while its worker looks for
// sleepers, and the sleeper looks for offers.
TEST(offer_model, a_plain_store_would_leave_somebody_asleep) {
    initial_memory.clear();
    model_atomic<std::uint64_t> offered;
    weft::basic_sleepers<model_atomic> sleepers;
    model_atomic<std::uint64_t> knocked;
    std::vector<program> programs{
        [&](std::vector<std::uintptr_t>&) {
            offered.store(1, weft::order::relaxed);
            if (sleepers.any_but(0)) knocked.exchange(1, weft::order::acq_rel);
        },
        [&](std::vector<std::uintptr_t>& got) {
            sleepers.announce(1);
            if (offered.load(weft::order::seq_cst) == 0) got.push_back(slept);
        },
    };
    exploration e;
    e.explore(programs, &is_right);
    EXPECT_GT(e.wrong, 0u);
}

} // namespace
