// expect: pass a range of tasks with std::move, or as a std::span
#include <array>
#include <weft/core/when_all.hpp>
weft::task<> child();
weft::task<> run() {
    std::array<weft::task<>, 2> named{child(), child()};
    co_await weft::when_all(named);
}
