// expect: name the predicate first
#include <weft/core/condition.hpp>
#include <weft/core/task.hpp>
struct owner {
    owner() noexcept;
    owner(const owner&) noexcept;
    ~owner();
};
weft::task<> run(weft::condition& c, weft::mutex::guard& held, owner mine) {
    (void)co_await c.wait(held, [mine] { return true; });
}
