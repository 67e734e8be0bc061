#!/usr/bin/env bash
# Builds a release of the main example and serves with it until Ctrl-C. PORT, DATA and PRESET may be set.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-6380}
data=${DATA:-data}
preset=${PRESET:-gcc-release}
mkdir -p build/logs

scripts/install-dependencies.sh run

# A build that works is of no interest here; one that fails is shown whole.
log=build/logs/run.log
printf 'Building weft-kv (%s) ...\n' "$preset"
if ! { cmake --preset "$preset" -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_BENCH=OFF &&
    cmake --build "build/$preset" --target weft-kv; } >"$log" 2>&1; then
    cat "$log" >&2
    printf '\nThe build failed; the above is %s.\n' "$log" >&2
    exit 1
fi

mkdir -p "$data"
cat <<END

A Redis-compatible server on weft, at 127.0.0.1:$port; its data is in $data/. In another terminal:

    redis-cli -p $port set a 1
    redis-cli -p $port get a

Ctrl-C ends it.

END
exec "build/$preset/examples/kv/weft-kv" --port "$port" --dir "$data"
