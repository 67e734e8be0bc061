// Where the library's few messages for people go: set_log_sink(), set_log_level(), silence_log().
// Tests: runtime/runtime_test.cpp.
#pragma once

#include <weft/ports/host/log.hpp>
