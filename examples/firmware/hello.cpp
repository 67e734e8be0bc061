#include <weft/core/sleep.hpp>
#include <weft/ports/chip/chip.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;

weft::task<> hello() {
    weft::chip::print("hello\n");
    for (int i = 1; i <= 3; ++i) {
        (void)co_await weft::sleep_for(100ms);
        weft::chip::print_all("tick ", i, "\n");
    }
    weft::machine::halt(0);
}

} // namespace

void weft::chip::start() { (void)spawn<hello>(); }
