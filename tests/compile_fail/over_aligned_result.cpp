// expect: may be aligned to two words at most
#include <weft/core/task.hpp>
struct alignas(64) wide {
    char bytes[64];
};
weft::task<wide> child() { co_return wide(); }
weft::task<> run() { (void)co_await child(); }
