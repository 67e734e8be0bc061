// weft's workloads: the floors' work in the way a user of weft would write it, with the public interface alone.
#pragma once

#include <weft/core/scope.hpp>
#include <weft/core/task.hpp>
#include <weft/runtime/run.hpp>

#include "../measure.hpp"
#include "../workload.hpp"

namespace benchmark {

inline std::uint64_t sink = 0;

// Without threads: a program with one executor. With one or more: the runtime for several threads, which share work.
template <class T> T run_on(std::size_t threads, weft::task<T> t) {
    if (threads == 0) return weft::run(std::move(t));
    weft::runtime_options options;
    options.threads = threads;
    return weft::run(options, std::move(t));
}

// Two workers, each on a CPU of its own, whose tasks stay where they are.
inline weft::runtime_options two_pinned() {
    weft::runtime_options options;
    options.threads = 2;
    options.mode = weft::worker_mode::pinned;
    options.cpus = {static_cast<std::size_t>(measure::required_cpu(0)),
                    static_cast<std::size_t>(measure::required_cpu(1))};
    return options;
}

void run_child(const measure::arguments&);
void run_spawn(const measure::arguments&);
void run_yield(const measure::arguments&);
void run_channel(const measure::arguments&);
void run_mutex(const measure::arguments&);
void run_fib(const measure::arguments&);
void run_skynet(const measure::arguments&);
void run_queens(const measure::arguments&);
void run_sleepers(const measure::arguments&);
void run_timer(const measure::arguments&);
void run_timeout(const measure::arguments&);
void run_idle(const measure::arguments&);
void run_idle_cpu(const measure::arguments&);
void run_fair(const measure::arguments&);
void run_channel_cross(const measure::arguments&);
void run_mutex_cross(const measure::arguments&);
void run_wake(const measure::arguments&);
void run_cancel(const measure::arguments&);
void run_echo(const measure::arguments&);

} // namespace benchmark
