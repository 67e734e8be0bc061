#include <weft/io/endpoint.hpp>

#include <string>

#include <gtest/gtest.h>

namespace weft {
namespace {

std::string text(const endpoint& e) {
    char room[endpoint::max_text];
    return std::string(e.format(room));
}

std::string round_trip(std::string_view s) {
    result<endpoint> e = endpoint::parse(s);
    return e ? text(*e) : e.error().message();
}

TEST(endpoint, ipv4) {
    EXPECT_EQ(round_trip("127.0.0.1:80"), "127.0.0.1:80");
    EXPECT_EQ(round_trip("0.0.0.0:0"), "0.0.0.0:0");
    EXPECT_EQ(round_trip("255.255.255.255:65535"), "255.255.255.255:65535");
    EXPECT_EQ(endpoint::parse("127.0.0.1:80"), endpoint::loopback(80));
    EXPECT_EQ(text(endpoint::any(7)), "0.0.0.0:7");
}

TEST(endpoint, ipv6_in_its_shortest_form) {
    EXPECT_EQ(round_trip("[::1]:80"), "[::1]:80");
    EXPECT_EQ(round_trip("[::]:0"), "[::]:0");
    EXPECT_EQ(round_trip("[2001:DB8:0:0:0:0:2:1]:443"), "[2001:db8::2:1]:443");
    EXPECT_EQ(round_trip("[2001:db8:0:1:1:1:1:1]:1"), "[2001:db8:0:1:1:1:1:1]:1"); // a single zero stays
    EXPECT_EQ(round_trip("[2001:0:0:1:0:0:0:1]:1"), "[2001:0:0:1::1]:1");          // the longest run
    EXPECT_EQ(round_trip("[2001:db8:0:0:1:0:0:1]:1"), "[2001:db8::1:0:0:1]:1");    // the first of equals
    EXPECT_EQ(round_trip("[1:2:3:4:5:6:7:8]:9"), "[1:2:3:4:5:6:7:8]:9");
    EXPECT_EQ(round_trip("[1::]:9"), "[1::]:9");
    EXPECT_EQ(round_trip("[::ffff:192.0.2.1]:9"), "[::ffff:c000:201]:9");
    EXPECT_EQ(round_trip("[fe80::1%3]:22"), "[fe80::1%3]:22");
    EXPECT_EQ(endpoint::parse("[::1]:80"), endpoint::loopback6(80));
}

TEST(endpoint, paths) {
    EXPECT_EQ(round_trip("unix:/run/a.sock"), "unix:/run/a.sock");
    EXPECT_EQ(round_trip("unix:@name"), "unix:@name");
    EXPECT_EQ(endpoint::parse("unix:@name")->bytes(), std::string_view("\0name", 5));
    EXPECT_TRUE(endpoint::unix_path(std::string(107, 'a')));
    EXPECT_FALSE(endpoint::unix_path(std::string(108, 'a')));
    EXPECT_FALSE(endpoint::unix_path(""));
}

TEST(endpoint, refuses_what_is_none) {
    for (const char* bad : {"",
                            ":",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:65536",
                            "127.0.0.1:-1",
                            "127.0.0.1:+1",
                            "127.0.0.256:1",
                            "127.0.0:1",
                            "127.0.0.1.1:1",
                            "127.0.0.01:1",
                            "localhost:1",
                            "1.2.3.4:1x",
                            "[::1]",
                            "[::1]80",
                            "::1:80",
                            "[]:1",
                            "[:]:1",
                            "[:::]:1",
                            "[1::2::3]:1",
                            "[1:2:3:4:5:6:7]:1",
                            "[1:2:3:4:5:6:7:8:9]:1",
                            "[1:2:3:4:5:6:7:8::]:1",
                            "[12345::]:1",
                            "[::g]:1",
                            "[1:]:1",
                            "[::1%]:1",
                            "[::1%x]:1",
                            "[::1.2.3]:1",
                            "[1:2:3:4:5:6:7:1.2.3.4]:1",
                            "unix:",
                            "0x7f.1.1.1:1",
                            " 1.2.3.4:1"})
        EXPECT_FALSE(endpoint::parse(bad)) << bad;
}

TEST(endpoint, needs_room_for_its_text) {
    char room[12];
    EXPECT_EQ(endpoint::loopback(80).format(room), "127.0.0.1:80");
    EXPECT_EQ(endpoint::loopback(800).format(room), "");
    EXPECT_EQ(endpoint().format(room), "");
}

} // namespace
} // namespace weft
