// An echo server on a chip without an operating system: whatever a client sends to port 7, by TCP or UDP, comes back. The
// coroutine is that of examples/echo.
//
//     cmake --preset rv64-gcc && cmake --build build/rv64-gcc --target echo
//     scripts/emulate.sh build/rv64-gcc/examples/firmware_echo/echo.elf -global virtio-mmio.force-legacy=false
//         -netdev user,id=net,hostfwd=tcp:127.0.0.1:7007-10.0.2.15:7 -device virtio-net-device,netdev=net
//         -device virtio-rng-device                                          then: nc 127.0.0.1 7007
#include <array>

#include <weft/core/ok.hpp>
#include <weft/lwip/tcp.hpp>
#include <weft/lwip/udp.hpp>
#include <weft/lwip/virt_network.hpp>
#include <weft/ports/chip/console.hpp>
#include <weft/ports/chip/machine.hpp>
#include <weft/ports/chip/spawn.hpp>

namespace {

using weft::task;
using weft::chip::root_options;

constexpr unsigned most_clients = 8;

task<weft::result<void>> echo(weft::tcp_stream& peer) {
    std::array<std::byte, 2048> buffer;
    for (;;) {
        std::size_t n = co_await weft::ok(peer.read_some(buffer));
        if (n == 0) co_return {};
        co_await weft::ok(peer.write_all(std::span(buffer).first(n)));
    }
}

// A client that is lost is no reason to stop serving the others.
task<> serve_one(weft::tcp_stream peer) { (void)co_await echo(peer); }

task<> echo_datagrams() {
    auto socket = weft::udp_socket::bind(weft::endpoint::any(7));
    std::array<std::byte, 1472> buffer;
    while (socket) {
        auto datagram = co_await socket->receive_from(buffer);
        if (!datagram) co_return;
        auto bytes = std::span(buffer).first(datagram->size);
        (void)co_await socket->send_to(bytes, datagram->from);
    }
}

task<> serve() {
    auto started = co_await weft::riscv::start_network();
    if (!started) {
        weft::chip::print("echo: no virtio network card, or no virtio source of random bytes\n");
        weft::machine::halt(1);
    }
    (void)weft::chip::spawn<echo_datagrams>();

    auto listener = weft::tcp_listener::bind(weft::endpoint::any(7));
    if (!listener) {
        weft::chip::print_all("echo: ", listener.error().message(), "\n");
        weft::machine::halt(1);
    }
    weft::chip::print("listening on port 7\n");
    for (;;) {
        auto peer = co_await listener->accept();
        // One client too many is closed at once.
        if (peer)
            (void)weft::chip::spawn<serve_one, root_options{.arena = 4096, .instances = most_clients}>(
                std::move(*peer));
    }
}

} // namespace

void weft::chip::start() { (void)spawn<serve, root_options{.arena = 1024}>(); }
