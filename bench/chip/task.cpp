// A task with one timer: what it takes, and what the kernel takes that it needs.
#include <weft/core/sleep.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

weft::task<> periodic() {
    weft::clock::time_point at;
    for (;;) {
        at += std::chrono::milliseconds(10);
        (void)co_await weft::sleep_until(at);
    }
}

} // namespace

void weft::chip::start() { (void)spawn<periodic>(); }
