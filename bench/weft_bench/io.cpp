// Cancelling on weft: N tasks wait for a datagram each, and a stop calls all of them off.
#include <array>
#include <vector>

#include <weft/core/yield.hpp>
#include <weft/io/udp.hpp>

#include "weft_bench.hpp"

namespace benchmark {
namespace {

weft::task<> reader(weft::udp_socket& socket) {
    std::array<std::byte, 64> buffer;
    auto got = co_await socket.receive(buffer);
    if (!got && got.error() == weft::errc::cancelled) ++sink;
}

weft::task<> cancel(std::vector<weft::udp_socket>& sockets) {
    auto all = [&](weft::scope& s) -> weft::task<> {
        for (weft::udp_socket& socket : sockets) s.spawn(reader(socket));
        for (int i = 0; i < 100; ++i) co_await weft::yield(); // long enough for all to wait in the system
        measure::begin();
        s.request_stop();
    };
    (void)co_await weft::with_scope(all);
    measure::end("cancel", sockets.size());
}

} // namespace

void run_cancel(const measure::arguments& a) {
    std::vector<weft::udp_socket> sockets;
    for (std::size_t i = 0; i < a[0]; ++i) {
        auto bound = weft::udp_socket::bind(weft::endpoint::loopback(0));
        if (!bound) measure::fail(bound.error().message());
        sockets.push_back(std::move(*bound));
    }
    weft::run(cancel(sockets));
    measure::expect(sink, a[0], "reads that were cancelled");
}

} // namespace benchmark
