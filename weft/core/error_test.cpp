#include <weft/core/error.hpp>

#include <weft/core/result.hpp>
#include <weft/core/testing.hpp>

namespace {

using weft::errc;
using weft::error;

bool equal(const char* a, const char* b) {
    while (*a && *a == *b) {
        ++a;
        ++b;
    }
    return *a == *b;
}

// A code that was forgotten in message() would say what `other` says.
WEFT_TEST(error, each_code_has_a_message_of_its_own) {
    constexpr int codes = static_cast<int>(errc::other) + 1;
    for (int i = 0; i < codes; ++i) {
        const char* message = error(static_cast<errc>(i)).message();
        WEFT_CHECK(message[0] >= 'a' && message[0] <= 'z');
        for (int j = 0; j < i; ++j) WEFT_CHECK(!equal(message, error(static_cast<errc>(j)).message()));
    }
}

WEFT_TEST(error, equals_its_code_and_what_has_the_same_native_one) {
    error e(errc::busy, 16);
    WEFT_CHECK(e == errc::busy);
    WEFT_CHECK(e == error(errc::busy, 16));
    WEFT_CHECK(e != error(errc::busy));
    WEFT_CHECK(e != errc::closed);
    WEFT_CHECK_EQ(e.native(), 16);
    WEFT_CHECK(error() == errc::none);
}

WEFT_TEST(error, is_what_a_failed_result_holds) {
    weft::result<int> r = weft::failure(error(errc::io_error, 5));
    WEFT_REQUIRE(!r.has_value());
    WEFT_CHECK_EQ(r.error(), error(errc::io_error, 5));
}

} // namespace
