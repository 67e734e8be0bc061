// A firmware that does not fit: the linker must say which task.
#include <weft/core/sleep.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using namespace std::chrono_literals;

weft::task<> fits() { (void)co_await weft::sleep_for(1s); }

weft::task<> takes_too_much() {
    unsigned char buffer[80 * 1024];
    for (unsigned i = 0;; ++i) {
        buffer[i % sizeof buffer] = 1;
        (void)co_await weft::sleep_for(1s * buffer[i / 2]);
    }
}

} // namespace

void weft::chip::start() {
    (void)spawn<fits>();
    (void)spawn<takes_too_much>();
}
