// expect: the task around it must yield a weft::result<T>
#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
weft::task<int> run(weft::clock::duration d) {
    co_await weft::ok(weft::sleep_for(d));
    co_return 1;
}
