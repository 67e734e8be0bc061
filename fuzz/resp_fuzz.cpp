// Requests arrive in pieces, cut wherever the network likes: the parser must make the same of them as of the whole,
// and must never look beyond the bytes that it was given.

#include "../examples/kv/engine/resp.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

using kv::request_parser;
using status = request_parser::status;

alignas(8) std::byte region[1 << 14]; // static: to ask for memory would be most of the work
// Small enough for a fuzzer to reach.
constexpr request_parser::limits limits{.line = 64, .bulk = 300, .arguments = 50};

// Everything that the parser says about the input, which comes in pieces of sizes that `next_piece` chooses.
template <class NextPiece> std::string say(const std::string& input, NextPiece&& next_piece) {
    kv::arena arena{region};
    std::string said, buffer;
    std::size_t given = 0;
    {
        request_parser parser{arena, limits};
        for (;;) {
            // A block of exactly this size, so that one byte beyond is found; and a new one each time.
            auto exact = std::make_unique<char[]>(buffer.size());
            std::copy(buffer.begin(), buffer.end(), exact.get());
            status s = parser.parse(exact.get(), buffer.size());
            if (s == status::failed) {
                said += "failed: " + std::string{parser.error()};
                break;
            }
            if (s == status::complete) {
                for (kv::text a : parser.args()) {
                    said += std::to_string(a.size()) + ":";
                    said += a;
                }
                said += "\n";
                if (parser.consumed() == 0 || parser.consumed() > buffer.size()) abort();
                buffer.assign(exact.get() + parser.consumed(), buffer.size() - parser.consumed());
                continue;
            }
            if (given == input.size()) break;
            std::size_t piece = std::min(next_piece(), input.size() - given);
            buffer.append(input, given, piece);
            given += piece;
        }
    }
    if (arena.used() != 0) abort();
#ifdef KV_POISON
    __asan_unpoison_memory_region(region, sizeof region);
#endif
    return said;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::uint32_t random = data[0] + 1u; // the first byte says how the rest is cut
    std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string whole = say(input, [&] { return input.size(); });
    std::string cut = say(input, [&] {
        random = random * 1664525 + 1013904223;
        return std::size_t{(random >> 24) % 8 + 1};
    });
    if (whole != cut) {
        std::fprintf(stderr, "whole:\n%s\ncut:\n%s\n", whole.c_str(), cut.c_str());
        abort();
    }
    return 0;
}
