// Asks many peers over UDP, where any question and any answer may be lost.
//
//     weft-ping <address>...                            as: weft-ping 127.0.0.1:7009 127.0.0.1:7010
//     weft-ping --answer <address>                      is a peer: sends back what it gets
//
// It shows a question that is asked again when no answer has come in time, with longer and longer patience; a limit on how
// many questions are under way, and on how many begin in a second; and answers that come too late, which are told from the
// right one by their number.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/io/udp.hpp>
#include <weft/runtime/run.hpp>

using namespace std::chrono_literals;

weft::task<weft::result<void>> answer(weft::endpoint at) {
    weft::udp_socket socket = co_await weft::ok(weft::udp_socket::bind(at));
    std::array<std::byte, 2048> buffer;
    for (;;) {
        auto question = co_await weft::ok(socket.receive_from(buffer));
        auto bytes = std::span<const std::byte>(buffer).first(question.size);
        (void)co_await socket.send_to(bytes, question.from); // one that cannot be reached is no reason to end
    }
}

// Until the answer with this number has come; others are those to earlier tries.
weft::task<weft::result<void>> await_answer(weft::udp_socket& socket, std::uint32_t number) {
    for (;;) {
        std::array<std::byte, 16> buffer;
        std::size_t n = co_await weft::ok(socket.receive(buffer));
        std::uint32_t got = 0;
        if (n == sizeof got) std::memcpy(&got, buffer.data(), sizeof got);
        if (got == number) co_return {};
    }
}

struct reply {
    int tries = 0;
    std::chrono::microseconds took{};
};

weft::task<weft::result<reply>> ask(weft::endpoint peer) {
    weft::endpoint any =
        peer.family() == weft::endpoint::kind::ipv6 ? weft::endpoint::any6(0) : weft::endpoint::any(0);
    weft::udp_socket socket = co_await weft::ok(weft::udp_socket::bind(any));
    co_await weft::ok(socket.connect(peer)); // so that only this peer's datagrams come in
    weft::clock::duration patience = 50ms;
    for (std::uint32_t number = 1; number <= 5; ++number, patience *= 2) {
        auto began = weft::clock::now();
        (void)co_await socket.send(std::as_bytes(std::span(&number, 1)));
        auto came = co_await weft::timeout(patience, await_answer(socket, number));
        if (came) {
            auto took = std::chrono::duration_cast<std::chrono::microseconds>(weft::clock::now() - began);
            co_return reply{static_cast<int>(number), took};
        }
        if (came.error() == weft::errc::cancelled) co_return weft::failure(came.error());
        // A peer that is not there (its host says so at once) is as one whose answer was lost.
        if (came.error() != weft::errc::timed_out) co_await weft::ok(weft::sleep_for(patience));
    }
    co_return weft::failure(weft::errc::timed_out);
}

weft::task<> report(weft::endpoint peer, weft::semaphore& under_way) {
    auto got = co_await ask(peer);
    under_way.release();
    std::array<char, weft::endpoint::max_text> text;
    std::string_view name = peer.format(text);
    std::printf("%.*s: ", static_cast<int>(name.size()), name.data());
    if (got)
        std::printf("try %d, %lld us\n", got->tries, static_cast<long long>(got->took.count()));
    else
        std::printf("%s\n", got.error().message());
}

weft::task<weft::result<void>> ask_all(char** texts, int count) {
    weft::semaphore under_way(16);
    auto body = [&](weft::scope& s) -> weft::task<weft::result<void>> {
        weft::interval hundred_a_second(10ms, weft::missed_ticks::delay);
        for (int i = 0; i < count; ++i) {
            weft::endpoint peer = co_await weft::ok(weft::endpoint::parse(texts[i]));
            co_await weft::ok(under_way.acquire());
            s.spawn(report(peer, under_way));
            co_await weft::ok(hundred_a_second.tick());
        }
        co_return {};
    };
    co_return co_await weft::with_scope(body);
}

int main(int argc, char** argv) {
    bool answers = argc == 3 && std::string_view(argv[1]) == "--answer";
    auto at = answers ? weft::endpoint::parse(argv[2]) : weft::endpoint();
    if (argc < 2 || !at)
        return std::fprintf(stderr, "usage: weft-ping <address>... | --answer <address>\n"), 2;
    weft::result<void> done = weft::run(answers ? answer(*at) : ask_all(argv + 1, argc - 1));
    if (!done) std::fprintf(stderr, "weft-ping: %s\n", done.error().message());
    return done ? 0 : 1;
}
