#!/usr/bin/env bash
# Builds what `make chip-figures` measures, with both compilers, and measures it; options go to bench/chip_figures.py.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh test
mkdir -p build/logs
for preset in m4-gcc m4-clang rv32-gcc rv32-clang; do
    log=build/logs/chip-figures-$preset.log
    printf 'Building %s ...\n' "$preset" >&2
    if ! { cmake --preset "$preset" -DWEFT_BUILD_BENCH=ON -DWEFT_BUILD_CORE_TESTS=OFF && cmake --build "build/$preset"; } \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        exit 1
    fi
done
cc -O2 -shared -fPIC -o build/chip-count.so bench/chip/count.c
exec python3 bench/chip_figures.py "$@"
