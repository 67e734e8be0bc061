#!/usr/bin/env bash
# The whole matrix. A step that fails, or cannot run, stops nothing and is counted; logs are in build/logs/.
#
#   scripts/test.sh [--all] [preset or check]...
#
# --all   every preset whole, each test three times, longer fuzzing
# Names choose steps: gcc-release gcc-debug gcc-og gcc-asan clang-release clang-debug clang-asan clang-tsan
#                     tidy freestanding instructions chip package fuzz
# The last line is "N passed, N failed": GoogleTest cases, other ctest tests, and the checks' own counts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

everything=no
chosen=()
for argument in "$@"; do
    case $argument in
    --all) everything=yes ;;
    *) chosen+=("$argument") ;;
    esac
done

logs=build/logs
mkdir -p "$logs"
jobs=$(nproc)
passed=0
failed=0
skipped=0
again=() # what passed at its second try
started=$SECONDS

wanted() { [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $1 "* ]]; }

say() { printf '[%3d:%02d] %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$1"; }

add() { # passed failed
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# A check of ours: a program whose last line is "N passed, N failed". Without such a line it is one check.
check() { # name seconds command...
    local name=$1 limit=$2 log=$logs/$1.log begun=$SECONDS status counts
    shift 2
    say "$name ..."
    timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null
    status=$?
    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        local good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
        [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1 # it counted, and then broke
    else
        local good=0 bad=1
        [ "$status" -ne 0 ] || { good=1 && bad=0; }
    fi
    add "$good" "$bad"
    say "$name: $good passed, $bad failed ($((SECONDS - begun)) s)"
    if [ "$bad" -gt 0 ]; then
        { [ "$status" -ne 124 ] && [ "$status" -ne 137 ]; } || echo "        stopped after $limit s"
        { grep -A 12 '^  FAIL' "$log" || tail -n 25 "$log"; } | head -n 60 | sed 's/^/        /'
        echo "        (all of it: $log)"
    fi
}

# Builds a preset, with whatever can be built, and runs its tests.
preset() { # name [ctest argument...]
    local name=$1 log=$logs/$1-build.log begun=$SECONDS junit=$PWD/$logs/$1.xml
    shift
    say "$name: building ..."
    # The benchmarks are built to see that they still can be; their figures are no test.
    local bench=OFF
    [[ $name != *-release ]] || bench=ON
    if ! { cmake --preset "$name" -DWEFT_BUILD_BENCH=$bench && timeout 1500 cmake --build "build/$name" -j "$jobs" "${targets[@]}" -- -k 0; } \
        >"$log" 2>&1 </dev/null; then
        add 0 1
        say "$name: the build failed; what could be built is tested"
        grep -E -A 6 'error:|CMake Error|FAILED:|undefined reference' "$log" | head -n 40 | sed 's/^/        /'
        echo "        (all of it: $log)"
    fi
    say "$name: testing ..."
    rm -f "$junit"
    timeout --kill-after=10 1500 ctest --preset "$name" -j "$jobs" --output-junit "$junit" "$@" \
        >"$logs/$name-test.log" 2>&1 </dev/null
    local counts good=0 bad=0 not_run=0
    counts=$(python3 scripts/count_junit.py "$junit" "$logs/$name-test.log" 2>&1)
    if [[ $(head -n 1 <<<"$counts") =~ ^([0-9]+)\ ([0-9]+)\ ([0-9]+)$ ]]; then
        good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} not_run=${BASH_REMATCH[3]}
    fi
    if [ $((good + bad)) -eq 0 ]; then
        bad=1
        counts+=$'\n'"no test ran"$'\n'"$(tail -n 15 "$logs/$name-test.log")"
    fi
    add "$good" "$bad"
    skipped=$((skipped + not_run))
    say "$name: $good passed, $bad failed$([ "$not_run" -eq 0 ] || echo ", $not_run skipped") ($((SECONDS - begun)) s)"
    tail -n +2 <<<"$counts" | head -n 60 | sed 's/^/        /'
    while read -r test; do again+=("$name: $test"); done < <(sed -n 's/^again //p' <<<"$counts")
    [ "$bad" -eq 0 ] || echo "        (all of it: $logs/$name-test.log)"
}

targets=() # everything
# Some tests wait for real clocks, servers and signals, and a machine that others use can hold any of them up: a test
# that fails gets one more try, and is named in the last lines. --all has no such mercy.
repeat=(--repeat until-pass:2)
fuzz_seconds=20
fuzz_seed=(--seed 1)
if [ $everything = yes ]; then
    repeat=(--repeat until-fail:3)
    fuzz_seconds=120
    fuzz_seed=()
fi

if ! scripts/install-dependencies.sh test; then
    add 0 1
    say "not all that the tests need could be installed; going on with what is here"
fi

if wanted tidy; then
    check tidy-rules-fire 120 python3 tests/tidy.py --self-test
    check tidy 300 python3 tests/tidy.py
    check docs-rules-fire 60 tests/docs/check.py --self-test
    check docs 60 tests/docs/check.py
    check compile-fail 300 tests/compile_fail/run.py
fi
if wanted freestanding; then check freestanding 900 scripts/check-freestanding.sh; fi
if wanted chip; then check chip 2400 tests/chip/run.py; fi
for name in gcc-release clang-release gcc-debug clang-debug clang-asan clang-tsan; do
    if wanted $name; then preset $name "${repeat[@]}"; fi
done
# Here only the stack matters: -Og is where GCC makes calls of the tail jumps that coroutines count on.
if [ $everything = yes ]; then
    for name in gcc-og gcc-asan; do
        if wanted $name; then preset $name "${repeat[@]}"; fi
    done
elif wanted gcc-og; then
    targets=(--target weft_core_test weft_core_linux_test)
    preset gcc-og -R '[Ss]tack|[Dd]epth|[Dd]eep|[Ll]evels|[Mm]illion'
fi
# After the presets: it counts what they have built.
if wanted instructions; then
    check bench-verdicts 60 bench/harness/self_test.py
    check instructions 900 bench/instructions.py
fi
if wanted package; then check package 600 scripts/check-package.sh; fi
if wanted fuzz; then check fuzz 900 scripts/fuzz.sh $fuzz_seconds "${fuzz_seed[@]}"; fi

[ $skipped -eq 0 ] || echo "$skipped skipped: they are named above, with what they lack here"
[ ${#again[@]} -eq 0 ] || printf 'passed at the second try only: %s\n' "${again[@]}"
say "done"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
