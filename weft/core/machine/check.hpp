// WEFT_CHECK_INVARIANT(condition, what): panics with `what` where the condition does not hold. In debug builds (WEFT_CHECKS,
// which CMake defines for them) and nowhere else: it costs a release nothing, changes no layout, and makes no destructor.
//
// What a check finds is a mistake in the machine, or a use of it that no type could refuse. What costs no hot path is checked in
// every build, by port::panic().
#pragma once

#include <weft/core/port.hpp>

#if defined(WEFT_CHECKS)
#define WEFT_CHECK_INVARIANT(condition, what) ((condition) ? void() : ::weft::port::panic(what))
#else
#define WEFT_CHECK_INVARIANT(condition, what) void()
#endif
