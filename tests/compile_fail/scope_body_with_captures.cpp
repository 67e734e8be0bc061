// expect: name the body first
#include <weft/core/scope.hpp>
weft::task<> run(int n) {
    (void)co_await weft::with_scope([n](weft::scope&) -> weft::task<int> { co_return n; });
}
