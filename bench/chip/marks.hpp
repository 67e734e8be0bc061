// What the counting plugin (count.c) looks for.
#pragma once

#if defined(__riscv)
#define MARK(n) asm volatile("slti x0, x0, %0" ::"i"(n) : "memory")
#else
#define MARK(n) asm volatile("dbg #%c0" ::"i"(n) : "memory")
#endif

// 1: the first instruction of the interrupt, by its address; 31: wfi.
enum mark {
    entry = 1,
    task_runs = 2,
    raised = 3,
    round_trip = 5,
    higher_runs = 6,
    lower_runs = 7,
    yielded = 4,
    sleeping = 8,
    woken = 9
};
