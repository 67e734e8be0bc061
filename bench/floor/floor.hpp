// The floors' workloads; what each does is said where it stands.
#pragma once

#include "../measure.hpp"
#include "../workload.hpp"

namespace floors {

void run_child(const measure::arguments&);
void run_spawn(const measure::arguments&);
void run_yield(const measure::arguments&);
void run_channel(const measure::arguments&);
void run_mutex(const measure::arguments&);
void run_fib(const measure::arguments&);
void run_serial_fib(const measure::arguments&);
void run_skynet(const measure::arguments&);
void run_queens(const measure::arguments&);
void run_sleepers(const measure::arguments&);
void run_timer(const measure::arguments&);
void run_idle(const measure::arguments&);
void run_futex(const measure::arguments&);
void run_spin(const measure::arguments&);
void run_wake(const measure::arguments&);
void run_cancel(const measure::arguments&);

} // namespace floors
