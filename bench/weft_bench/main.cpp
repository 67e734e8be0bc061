// The workloads on weft.
#include "weft_bench.hpp"

int main(int argc, char** argv) {
    using namespace benchmark;
    constexpr measure::workload all[] = {
        {"child N", run_child},
        {"spawn N ALIVE [THREADS]", run_spawn},
        {"yield TASKS N [THREADS]", run_yield},
        {"channel N [THREADS]", run_channel},
        {"mutex N [THREADS]", run_mutex},
        {"fib N [THREADS]", run_fib},
        {"skynet LEAVES [THREADS]", run_skynet},
        {"queens N [THREADS]", run_queens},
        {"sleepers N", run_sleepers},
        {"timer N LIVE", run_timer},
        {"timeout N LIVE", run_timeout},
        {"idle N", run_idle},
        {"idle-cpu MILLISECONDS", run_idle_cpu},
        {"fair POLITE MILLISECONDS", run_fair},
        {"channel-cross N [BUSY]", run_channel_cross},
        {"mutex-cross N [BUSY]", run_mutex_cross},
        {"wake N", run_wake},
        {"cancel N", run_cancel},
        {"echo N CONNECTIONS [EXACT]", run_echo},
    };
    return measure::run_workload(argc, argv, all);
}
