#include "testing.hpp"

namespace kv {
namespace {

using testing::region;
using status = request_parser::status;

// All requests of an input, each as "word,word;", then the error if there is one, then what is left over.
std::string parse_all(const std::string& input, std::size_t piece,
                      const request_parser::limits& limits = {}) {
    region memory{1 << 20};
    request_parser parser{memory, limits};
    std::string result, buffer;
    std::size_t given = 0;
    for (;;) {
        // A fresh copy of exactly the bytes that there are: a read beyond them, or through an old pointer, is found.
        std::vector<char> exact(buffer.begin(), buffer.end());
        status s = parser.parse(exact.data(), exact.size());
        if (s == status::failed) return result + "error:" + std::string{parser.error()};
        if (s == status::complete) {
            for (text a : parser.args()) result += std::string{a} + ",";
            result += ";";
            buffer.assign(exact.begin() + static_cast<long>(parser.consumed()), exact.end());
        } else {
            EXPECT_GT(parser.missing(), 0u);
            if (given == input.size()) return result + "left:" + std::to_string(buffer.size());
            buffer.assign(exact.begin(), exact.end());
            buffer += input.substr(given, piece);
            given = std::min(input.size(), given + piece);
        }
    }
}

TEST(request_parser, whole_or_in_pieces) {
    std::string many = "*40\r\n";
    for (int i = 0; i < 40; ++i) many += "$2\r\n" + std::to_string(10 + i) + "\r\n";
    std::string inputs[] = {
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
        "PING\r\n\r\n  echo  \"a\\x41\\n\\\"b\" 'it\\'s'  x\n*0\r\n*-1\r\nSET a b\r\n",
        "*3\r\n$3\r\nSET\r\n$5\r\na\r\nb\r\r\n$1\r\nx\r\n",
        many + many,
        "*1\r\nPING\r\n",
        "*2\r\n$4\r\nECHO\r\n$-1\r\n",
        "*1x\r\n",
        "set a \"b\r\n",
        "set a \"b\"c\r\n",
        "*1\r\n$3",
        std::string("\0\0\n*1\r\n$1\r\n\0\r\n", 15),
        "\"\" ''\r\n",
    };
    for (auto& input : inputs) {
        std::string whole = parse_all(input, input.size());
        for (std::size_t piece = 1; piece < std::min<std::size_t>(input.size(), 40); ++piece)
            EXPECT_EQ(parse_all(input, piece), whole) << input;
    }
    EXPECT_EQ(parse_all(inputs[1], 999), "GET,,;PING,;PING,;left:0");
    EXPECT_EQ(parse_all(inputs[2], 999), "PING,;;echo,aA\n\"b,it's,x,;;;SET,a,b,;left:0");
    EXPECT_EQ(parse_all(inputs[12], 999), ",,;left:0");
}

TEST(request_parser, limits) {
    request_parser::limits small{.line = 32, .bulk = 10, .arguments = 3};
    auto error = [&](const std::string& input) {
        std::string whole = parse_all(input, input.size(), small);
        EXPECT_EQ(parse_all(input, 1, small), whole);
        return whole;
    };
    EXPECT_EQ(error("*4\r\n"), "error:ERR Protocol error: invalid multibulk length");
    EXPECT_EQ(error("*1\r\n$11\r\n"), "error:ERR Protocol error: invalid bulk length");
    EXPECT_EQ(error("*1\r\n$10\r\n0123456789\r\n"), "0123456789,;left:0");
    EXPECT_EQ(error(std::string(40, 'x')), "error:ERR Protocol error: too big inline request");
    EXPECT_EQ(error(std::string(40, 'x') + "\r\n"), "error:ERR Protocol error: too big inline request");
    EXPECT_EQ(error("*" + std::string(40, '1') + "\r\n"),
              "error:ERR Protocol error: too big mbulk count string");
    EXPECT_EQ(error("*1\r\n$" + std::string(40, '1')), "error:ERR Protocol error: too big bulk count string");
    EXPECT_EQ(error("*1\r\n:1\r\n"), "error:ERR Protocol error: expected '$', got ':'");
}

TEST(request_parser, a_large_announcement_costs_nothing) {
    region memory{4096};
    request_parser::limits limits;
    request_parser parser{memory, limits};
    std::string input = "*1000000\r\n$536870912\r\n";
    EXPECT_EQ(parser.parse(input.data(), input.size()), status::partial);
    EXPECT_EQ(parser.missing(), 536870914u);
    EXPECT_EQ(memory->used(), 0u);
}

TEST(request_parser, without_memory_it_fails) {
    region memory{256};
    request_parser::limits limits;
    request_parser parser{memory, limits};
    std::string input = "*40\r\n";
    for (int i = 0; i < 40; ++i) input += "$1\r\nx\r\n";
    EXPECT_EQ(parser.parse(input.data(), input.size()), status::failed);
    EXPECT_EQ(parser.error(), "ERR Protocol error: out of memory");
}

std::string written(unsigned protocol, void (*write)(reply&)) {
    region memory{1 << 16};
    byte_buffer out{memory};
    reply r{out, protocol};
    write(r);
    return std::string{out.view()};
}

TEST(reply, both_protocols) {
    auto write = [](reply& r) {
        r.null();
        r.null_array();
        r.map(1);
        r.set(2);
        r.push(3);
        r.array(4);
        r.integer(-5);
        r.bulk("six");
        r.verbatim("seven");
        r.error("ERR e\r\nnd");
        std::size_t mark = r.mark();
        r.bulk(8);
        r.close_set(mark, 1);
    };
    EXPECT_EQ(written(2, write),
              "$-1\r\n*-1\r\n*2\r\n*2\r\n*3\r\n*4\r\n:-5\r\n$3\r\nsix\r\n$5\r\nseven\r\n-ERR e  nd\r\n"
              "*1\r\n$1\r\n8\r\n");
    EXPECT_EQ(written(3, write),
              "_\r\n_\r\n%1\r\n~2\r\n>3\r\n*4\r\n:-5\r\n$3\r\nsix\r\n=9\r\ntxt:seven\r\n-ERR e  nd\r\n"
              "~1\r\n$1\r\n8\r\n");
}

TEST(reply, the_buffer_has_a_limit) {
    region memory{1 << 16};
    byte_buffer out{memory, 100};
    reply r{out, 2};
    r.bulk(std::string(60, 'x'));
    EXPECT_FALSE(out.failed());
    r.bulk(std::string(60, 'x'));
    EXPECT_TRUE(out.failed());
    EXPECT_LE(out.size(), 100u);
}

} // namespace
} // namespace kv
