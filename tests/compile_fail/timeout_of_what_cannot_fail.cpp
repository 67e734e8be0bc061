// expect: x must yield a weft::result, so that it can say that it was stopped
#include <weft/core/timeout.hpp>
weft::task<int> child() { co_return 1; }
weft::task<> run(weft::clock::duration d) { (void)co_await weft::timeout(d, child()); }
