#!/usr/bin/env bash
# Builds what `make figures` and `make bench` measure, with both compilers, and measures it.
#
#   scripts/measure.sh figures|bench [option of bench/figures.py or bench/bench.py]...
#
# -O2 as in a release, but without debug information: callgrind of Debian 12 cannot read what Clang 22 writes.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-}
case $what in
figures | bench) shift ;;
*) echo "usage: scripts/measure.sh figures|bench [option]..." >&2 && exit 2 ;;
esac

build() { # compiler's name, compiler
    local directory=build/figures-$1 log=build/logs/figures-$1.log
    printf 'Building with %s ...\n' "$2" >&2
    if ! { cmake -G Ninja -S . -B "$directory" -DCMAKE_CXX_COMPILER="$2" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_BENCH=ON -DWEFT_INSTALL=OFF &&
        cmake --build "$directory"; } >"$log" 2>&1; then
        cat "$log" >&2
        printf '\nThe build failed; the above is %s.\n' "$log" >&2
        exit 1
    fi
}
case " $* " in *" --help "* | *" -h "* | *" --list "*) ;; *)
    scripts/install-dependencies.sh figures
    [ "$what" = figures ] || scripts/install-dependencies.sh bench ||
        echo "Not all peers could be installed; their rows will say why." >&2
    mkdir -p build/logs
    build gcc g++-12
    build clang clang++-22
    ;;
esac

# Debian's own Python is the one that Debian's matplotlib belongs to.
exec /usr/bin/python3 "bench/$what.py" "$@"
