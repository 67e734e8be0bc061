// A network where nobody answers, in time that jumps: how long a connection is tried for, and that nothing is done afterwards.
#include <weft/core/sleep.hpp>
#include <weft/lwip/tcp.hpp>
#include <weft/lwip/virt_network.hpp>
#include <weft/ports/chip/spawn.hpp>

#include "check.hpp"

namespace {

using namespace std::chrono_literals;
using chip_test::check;
using weft::task;

task<> test() {
    auto started = weft::riscv::start_network(1);
    check(started.has_value(), "the network starts");
    auto before = weft::clock::now();
    auto peer = co_await weft::tcp_stream::connect(weft::endpoint::ipv4({10, 0, 2, 77}, 7));
    auto took = weft::clock::now() - before;
    weft::chip::print_all("        seconds: ", std::int64_t{took / 1s}, "\n");
    check(!peer && peer.error() == weft::errc::timed_out, "a connection that nobody answers times out");
    check(took > 30s && took < 300s, "in minutes");
    (void)co_await weft::sleep_for(10s);
    std::uint32_t ticks = weft::ip_interface::the().ticks();
    (void)co_await weft::sleep_for(1h);
    check(weft::ip_interface::the().ticks() == ticks, "an idle hour has no wake-up");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 1024}>(); }
