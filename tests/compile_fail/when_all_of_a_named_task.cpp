// expect: pass tasks with std::move
#include <weft/core/when_all.hpp>
weft::task<> child();
weft::task<> run() {
    weft::task<> named = child();
    co_await weft::when_all(named, child());
}
