// Testing a protocol without sockets: what reads from a stream takes any stream, and the test gives it one that reads
// from a script, with pauses of hours.
//
// Prints:
//     GET /index.html
//     the peer was silent: timed out
//     the line is too long: message too large
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/ports/hand/hand.hpp>

using namespace std::chrono_literals;

// What is under test: one line of at most 64 bytes, of a peer that is silent for ten seconds at most.
template <class Stream>
weft::task<weft::result<std::string_view>> read_line(Stream& from, std::span<char, 64> line) {
    for (std::size_t filled = 0; filled < line.size();) {
        auto room = std::as_writable_bytes(line.subspan(filled));
        std::size_t n = co_await weft::ok(weft::timeout(10s, from.read_some(room)));
        if (n == 0) co_return weft::failure(weft::errc::end_of_file);
        filled += n;
        std::string_view text(line.data(), filled);
        if (std::size_t end = text.find('\n'); end != text.npos) co_return text.substr(0, end);
    }
    co_return weft::failure(weft::errc::message_too_large);
}

struct piece {
    weft::clock::duration pause;
    std::string_view text;
};

// A peer that says one piece after the other, as slowly as the script wants it.
class scripted_stream {
  public:
    explicit scripted_stream(std::span<const piece> script) : script_(script) {}

    weft::task<weft::result<std::size_t>> read_some(std::span<std::byte> to) {
        if (script_.empty()) co_return 0;
        co_await weft::ok(weft::sleep_for(script_.front().pause));
        std::size_t n = std::min(to.size(), script_.front().text.size());
        std::memcpy(to.data(), script_.front().text.data(), n);
        script_ = script_.subspan(1);
        co_return n;
    }

  private:
    std::span<const piece> script_;
};

weft::result<std::string_view> line_of(std::span<const piece> script, std::span<char, 64> line) {
    scripted_stream stream(script);
    return weft::hand::run(read_line(stream, line));
}

int main() {
    std::array<char, 64> line;
    const piece in_two[] = {{9s, "GET /ind"}, {9s, "ex.html\n"}};
    auto got = line_of(in_two, line);
    std::printf("%.*s\n", static_cast<int>(got->size()), got->data());

    const piece silent[] = {{1s, "GET"}, {1h, "\n"}};
    std::printf("the peer was silent: %s\n", line_of(silent, line).error().message());

    const piece endless[] = {{1s, "0123456789012345678901234567890123456789"},
                             {1s, "0123456789012345678901234567890123456789"}};
    std::printf("the line is too long: %s\n", line_of(endless, line).error().message());
}
