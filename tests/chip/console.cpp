// A virtio console: after "ready" on it, it sends back what comes, as much as it has been told to expect.
#include <drivers/virtio_console.hpp>
#include <weft/core/machine/slot.hpp>
#include <weft/ports/chip/spawn.hpp>
#include <weft/ports/riscv_virt/virtio_places.hpp>

#include "check.hpp"
#include "echo_line.hpp"

namespace {

weft::slot<weft::drivers::virtio_console> place;

weft::task<> test() {
    place.put();
    auto started = weft::riscv::start_virtio(place.value);
    chip_test::check(started.has_value(), "a console starts");
    if (!started) chip_test::finish();
    auto left = co_await chip_test::echo_line(place.value);
    chip_test::check(left == 0u, "all that was announced has come");
    chip_test::finish();
}

} // namespace

void weft::chip::start() { (void)spawn<test, root_options{.arena = 1024}>(); }
