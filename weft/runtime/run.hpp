// run(task): a program's way from main() into the tasks. Tests: runtime/runtime_test.cpp.
#pragma once

#include <weft/runtime/runtime.hpp>

namespace weft {

// Runs `t` and everything it spawns on the calling thread, and yields its outcome; exceptions come out. No atomics but at
// the seams to other threads. Throws std::system_error if the I/O back-end is not to be had (the message says why).
//
//     int main() { return weft::run(serve(6380)); }
template <class T> T run(task<T> t) {
    runtime_options options;
    options.threads = 1;
    runtime one(options);
    return one.run(std::move(t));
}

// The same with options; with more than one thread, worker 0 is the calling one.
template <class T> T run(const runtime_options& options, task<T> t) {
    runtime r(options);
    return r.run(std::move(t));
}

} // namespace weft
