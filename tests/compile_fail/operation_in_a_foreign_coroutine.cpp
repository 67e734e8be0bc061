// expect: weft's operations can be awaited in a weft::task only
#include <weft/core/sleep.hpp>
struct foreign {
    struct promise_type {
        foreign get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
};
foreign run(weft::clock::duration d) { (void)co_await weft::sleep_for(d); }
