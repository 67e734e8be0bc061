// Floors: what the work costs without a runtime.
#include "floor.hpp"

int main(int argc, char** argv) {
    using namespace floors;
    constexpr measure::workload all[] = {
        {"child N", run_child},           {"spawn N ALIVE", run_spawn},  {"yield TASKS N", run_yield},
        {"channel N", run_channel},       {"mutex N", run_mutex},        {"fib N", run_fib},
        {"serial-fib N", run_serial_fib}, {"skynet LEAVES", run_skynet}, {"queens N", run_queens},
        {"sleepers N", run_sleepers},     {"timer N LIVE", run_timer},   {"idle N", run_idle},
        {"futex N [ONE_WAY]", run_futex}, {"spin N", run_spin},          {"wake N", run_wake},
        {"cancel N", run_cancel},
    };
    return measure::run_workload(argc, argv, all);
}
