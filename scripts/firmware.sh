#!/usr/bin/env bash
# Builds the firmware and the images of the tests for the chips.
#
#   scripts/firmware.sh [preset]...      rv32-gcc rv32-clang rv64-gcc rv64-clang m3-gcc m3-clang m4-gcc m4-clang, and for
#                                        two harts rv64-gcc-harts rv32-clang-harts; all
set -euo pipefail
cd "$(dirname "$0")/.."

presets=("$@")
[ ${#presets[@]} -gt 0 ] || presets=(rv32-gcc rv32-clang rv64-gcc rv64-clang rv64-gcc-harts rv32-clang-harts m3-gcc m3-clang m4-gcc m4-clang)
mkdir -p build/logs
for preset in "${presets[@]}"; do
    log=build/logs/$preset-build.log
    if ! { cmake --preset "$preset" -DWEFT_BUILD_CORE_TESTS=ON && cmake --build "build/$preset" -j "$(nproc)"; } >"$log" 2>&1 </dev/null; then
        grep -E -A 6 'error:|CMake Error|FAILED:|undefined' "$log" | head -n 40 >&2
        echo "firmware: $preset failed; all of it: $log" >&2
        exit 1
    fi
    echo "$preset: build/$preset"
done
