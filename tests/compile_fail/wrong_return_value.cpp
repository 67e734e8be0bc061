// expect: co_return's value does not convert to the task's result
#include <weft/core/task.hpp>
struct other {};
weft::task<int> run() { co_return other(); }
