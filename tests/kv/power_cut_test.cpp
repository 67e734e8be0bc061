// The server's log on a disk whose power goes at each of its transfers in turn: what was acknowledged is there again.
#include <examples/kv/engine/testing.hpp>
#include <examples/kv/log.hpp>
#include <examples/kv/persistence.hpp>

#include <weft/core/testing.hpp>

#include <cstdio>

namespace kv {

namespace {

std::string said; // in the log

} // namespace

void write_log_line(const char*, const char* format, va_list arguments) {
    char line[500];
    std::vsnprintf(line, sizeof line, format, arguments);
    said += line + std::string("\n");
}

namespace testing {

namespace {

using weft::result, weft::task;

constexpr std::uint64_t sectors = 16 + 2 * 400;

// A server on the disk, without its sockets.
struct machine {
    explicit machine(failing_disk& disk, unsigned salt, sync_policy policy = sync_policy::always)
        : where{disk}, log{w.kv, w.records, told, where, {salt, 1}} {
        w.kv.server.sync = policy;
    }

    world w;
    settings told;
    storage where;
    persistence log;
};

// What the data was after each command, and how much of that has been acknowledged.
struct history {
    std::vector<std::string> states{""};
    std::size_t safe = 0; // states[safe], or a later one, must be found again
};

std::string some_command(std::mt19937& chance) {
    std::string key = "k" + std::to_string(chance() % 6);
    switch (chance() % 8) {
    case 0: return "DEL " + key;
    case 1: return "SET " + key + " " + std::string(chance() % 3000, 'x');
    case 2: return "RPUSH l" + key + " a b c";
    case 3: return "LPOP l" + key;
    case 4: return "BGREWRITEAOF";
    case 5: return "HSET h" + key + " f " + std::to_string(chance() % 1000);
    default: return "SET " + key + " " + std::to_string(chance());
    }
}

// Commands until there have been enough of them, or until the power goes.
task<> work(machine& m, history& h, unsigned seed, int groups) {
    std::mt19937 chance(seed);
    for (int i = 0; i < groups; ++i) {
        for (unsigned n = 1 + chance() % 3; n; --n) {
            (void)m.w(some_command(chance));
            h.states.push_back(m.w.state());
        }
        std::size_t executed = h.states.size() - 1;
        m.log.records_came();
        bool safe = co_await m.log.until_safe(m.log.last_group());
        if (!safe) co_return;
        h.safe = executed;
    }
}

// False: the power has gone before the end. `opened`: what the log held.
task<bool> live(machine& m, history& h, unsigned seed, int groups, std::string* opened) {
    auto open = co_await m.log.open();
    if (!open) co_return false;
    if (opened) *opened = m.w.state();
    h = {{m.w.state()}, 0};
    bool clean = false;
    auto body = [&](weft::scope& s) -> task<> {
        auto writer = s.spawn(m.log.run());
        co_await work(m, h, seed, groups);
        m.log.close();
        if (!m.w.kv.server.log_writable) s.request_stop(); // it would try again each second
        result<bool> done = co_await writer.join();
        clean = done && *done;
    };
    (void)co_await weft::with_scope(body);
    co_return clean;
}

void expect_recovers(failing_disk& disk, const history& h, unsigned seed) {
    disk.power_on();
    said.clear();
    machine next(disk, seed);
    history ignored;
    std::string found;
    ASSERT_TRUE(weft::testing::run(live(next, ignored, seed, 2, &found))) << said;
    bool known = false;
    for (std::size_t i = h.safe; i < h.states.size() && !known; ++i) known = h.states[i] == found;
    ASSERT_TRUE(known) << "of " << h.states.size() << " states " << h.safe << " are safe, found:\n" << found;
}

TEST(power_cut, what_was_acknowledged_is_found_again_wherever_the_power_goes) {
    unsigned cuts = 0;
    for (unsigned seed = 1; seed <= 30; ++seed) {
        failing_disk whole(sectors);
        history h;
        {
            machine m(whole, seed);
            ASSERT_TRUE(weft::testing::run(live(m, h, seed, 12, nullptr))) << said;
        }
        ASSERT_GT(whole.operations, 20u);
        for (unsigned cut = 1; cut <= whole.operations; ++cut) {
            SCOPED_TRACE("seed " + std::to_string(seed) + ", cut " + std::to_string(cut));
            failing_disk disk(sectors);
            disk.cut_at(cut, seed * 1000 + cut);
            history until_then;
            {
                machine m(disk, seed);
                weft::testing::run(live(m, until_then, seed, 12, nullptr));
            }
            if (disk.is_on()) continue; // it was lucky with its groups, and done before
            ++cuts;
            expect_recovers(disk, until_then, seed + 100);
            if (HasFatalFailure()) return;
        }
    }
    EXPECT_GT(cuts, 1000u);
}

// Without a sync a group, the last ones may be lost, but what is found is what there was at some time.
TEST(power_cut, without_syncs_an_earlier_state_is_found) {
    for (unsigned cut = 1; cut < 40; ++cut) {
        SCOPED_TRACE("cut " + std::to_string(cut));
        failing_disk disk(sectors);
        disk.cut_at(cut, cut);
        history h;
        {
            machine m(disk, 1, sync_policy::no);
            weft::testing::run(live(m, h, cut, 30, nullptr));
        }
        if (disk.is_on()) continue;
        h.safe = 0;
        expect_recovers(disk, h, 7);
        if (HasFatalFailure()) return;
    }
}

// The power goes again and again, also while the server recovers: nothing comes back that was overwritten.
TEST(power_cut, again_and_again) {
    std::mt19937 chance(3);
    failing_disk disk(sectors);
    history last;
    for (unsigned round = 0; round < 1500; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        disk.power_on();
        disk.cut_at(1 + chance() % 40, round);
        said.clear();
        machine m(disk, round + 1);
        history h;
        std::string found = "nothing was opened";
        bool clean = weft::testing::run(live(m, h, round, 20, &found));
        if (found != "nothing was opened") {
            bool known = false;
            for (std::size_t i = last.safe; i < last.states.size() && !known; ++i)
                known = last.states[i] == found;
            ASSERT_TRUE(known) << said;
            last = h;
        }
        ASSERT_TRUE(clean || !disk.is_on()) << said;
    }
}

} // namespace

} // namespace testing

} // namespace kv
