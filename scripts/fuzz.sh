#!/usr/bin/env bash
# Runs every fuzz target of build/clang-asan for so many seconds (default 600), two at a time.
#
#   scripts/fuzz.sh [seconds] [--seed N]
#
# Inputs that are found stay in build/fuzz/<target>/corpus for the next run; one that breaks a target stays
# in build/fuzz/<target>/ and is named. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=600
seed=0 # libFuzzer's word for "choose one"
while [ $# -gt 0 ]; do
    case $1 in
    --seed) seed=$2 && shift ;;
    *) seconds=$1 ;;
    esac
    shift
done

mkdir -p build/logs
log=build/logs/fuzz-build.log
if ! { cmake --preset clang-asan && cmake --build build/clang-asan; } >"$log" 2>&1; then
    tail -n 30 "$log"
    echo "fuzz: the build failed, see $log"
    echo "0 passed, 1 failed"
    exit 1
fi

run_one() {
    local target=$1 name dir seeds
    name=$(basename "$target")
    dir=build/fuzz/$name
    mkdir -p "$dir/corpus"
    seeds=$(cat "$target.corpus" 2>/dev/null)
    # The first folder is where libFuzzer adds what it finds; the tree's own corpus is only read.
    if "$target" -max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$dir/" "$dir/corpus" ${seeds:+"$seeds"} >"$dir/log" 2>&1; then
        echo "  ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log") inputs in $seconds s"
    else
        echo "  FAIL  $name, see $dir/log"
        grep -E '^(==|SUMMARY|artifact|Test unit)|ERROR' "$dir/log" | head -n 10 | sed 's/^/        /'
    fi
}
export -f run_one
export seconds seed

results=$(find build/clang-asan/fuzz -maxdepth 1 -type f -perm -u+x 2>/dev/null | sort |
    xargs -r -P 2 -I{} bash -c 'run_one {}')
if [ -z "$results" ]; then
    echo "fuzz: there is no target in build/clang-asan/fuzz"
    echo "0 passed, 1 failed"
    exit 1
fi
printf '%s\n' "$results"
failed=$(grep -c '^  FAIL' <<<"$results")
echo "$(grep -c '^  ok' <<<"$results") passed, $failed failed"
[ "$failed" -eq 0 ]
