// expect: the body of with_scope takes a weft::scope& and returns a weft::task
#include <weft/core/scope.hpp>
weft::task<> run() {
    auto body = [](weft::scope&) { return 1; };
    (void)co_await weft::with_scope(body);
}
