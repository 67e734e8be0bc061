// expect: a channel's values are moved while nobody can handle an exception
#include <weft/core/channel.hpp>
struct thrower {
    thrower(thrower&&) noexcept(false);
};
using channel = weft::channel<thrower, 1>;
void run(channel& c) { c.close(); }
