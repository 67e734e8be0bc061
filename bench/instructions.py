#!/usr/bin/env python3
"""Counts the user instructions of weft's hot paths, and fails when one has become more than 2 % dearer.

    bench/instructions.py [gcc|clang]... [--renew]

Counts are callgrind's, as the slope between two sizes: the same on every run, whatever else the machine does. The echo
has 50 clients and their servers on one thread and epoll, so that no clock decides what they find: two reads, two writes;
in echo-exact the replies fill the clients' buffers. What each may cost stands in bench/budget.json. --renew writes what
was counted there: after a change that made a path cheaper, so that what was won is kept, or dearer, with the reason in the
commit's message.

Builds what it counts in build/gcc-release and build/clang-release. The last line is "N passed, N failed".
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from harness.machine import ROOT
from harness.programs import Unmeasurable, instructions, run, slope

BUDGET = os.path.join(ROOT, "bench", "budget.json")
HEAD_ROOM = 1.02
COMPILERS = ("gcc", "clang")


def calls_of_fib(n):
    a, b = 0, 1
    for _ in range(n + 1):
        a, b = b, a + b
    return 2 * a - 1


def calls_of_queens(n, columns=0, rising=0, falling=0):
    free = ((1 << n) - 1) & ~(columns | rising | falling)
    ways = (1 << i for i in range(n) if free >> i & 1)
    return 1 + sum(calls_of_queens(n, columns | w, (rising | w) << 1, (falling | w) >> 1) for w in ways)


def per_operation(words, small=5_000, large=30_000, operations=lambda n: n):
    """`words(n)` is weft_bench's command line for a size, in which it does `operations(n)`."""

    def count(program):
        at = {operations(n): instructions([program, *words(n).split()]) for n in (small, large)}
        return slope(at.get, operations(small), operations(large))

    return count


PATHS = {
    "child": per_operation("child {}".format),
    "spawn-join": per_operation("spawn {} 1000".format),
    "yield": per_operation("yield 2 {}".format),
    "channel": per_operation("channel {}".format),
    "channel-shared": per_operation("channel {} 1".format),
    "mutex": per_operation("mutex {}".format),
    "mutex-shared": per_operation("mutex {} 1".format),
    "fork-join": per_operation("fib {} 0".format, 12, 18, calls_of_fib),
    "scope-fork": per_operation("queens {} 0".format, 5, 8, calls_of_queens),
    "timer": per_operation("timer {} 1000".format),
    "timeout": per_operation("timeout {} 1000".format),
    "echo": per_operation("echo {} 50".format, 2_500, 10_000),
    "echo-exact": per_operation("echo {} 50 1".format, 2_500, 10_000),
}


def build(compiler, folder):
    """A copy of weft_bench without debug information: callgrind of Debian 12 cannot read what Clang 22 writes."""
    preset = f"{compiler}-release"
    for command in (
        ["cmake", "--preset", preset, "-DWEFT_BUILD_BENCH=ON"],
        ["cmake", "--build", f"build/{preset}", "--target", "weft_bench"],
    ):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unmeasurable(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    copy = os.path.join(folder, f"weft_bench-{compiler}")
    run(["strip", "--strip-debug", "-o", copy, os.path.join(ROOT, "build", preset, "bench", "weft_bench")])
    return copy


def read_budget():
    try:
        with open(BUDGET, encoding="ascii") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def verdict(count, budget):
    """Whether it passes, and what is to be said."""
    if budget is None:
        return False, "has no budget: bench/instructions.py --renew gives it one"
    if count > budget * HEAD_ROOM:
        return False, (
            f"budget {budget}, {count / budget - 1:+.1%}. Find what made it dearer; if that is worth it, run "
            "bench/instructions.py --renew and say why in the commit's message"
        )
    if count * HEAD_ROOM < budget:
        return True, f"budget {budget}, {count / budget - 1:+.1%}: renew it to keep what was won"
    return True, f"budget {budget}, {count / budget - 1:+.1%}"


def count_all(compilers):
    """(compiler, path) to its count, or to why there is none."""
    counts = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {}
        for compiler in compilers:
            try:
                program = build(compiler, folder)
            except Unmeasurable as why:
                counts.update({(compiler, path): why for path in PATHS})
                continue
            futures.update({(compiler, path): pool.submit(count, program) for path, count in PATHS.items()})
        for key, future in futures.items():
            try:
                counts[key] = round(future.result(), 1)
            except Unmeasurable as why:
                counts[key] = why
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("compilers", nargs="*", metavar="gcc|clang", help="default: both")
    parser.add_argument("--renew", action="store_true", help="write what was counted into bench/budget.json")
    options = parser.parse_args()
    if unknown := [c for c in options.compilers if c not in COMPILERS]:
        parser.error(f"no such compiler: {' '.join(unknown)}")
    if not shutil.which("valgrind"):
        parser.error("valgrind is not installed: scripts/install-dependencies.sh test")

    budget = read_budget()
    counts = count_all(options.compilers or COMPILERS)
    passed = failed = 0
    for (compiler, path), count in counts.items():
        if isinstance(count, Unmeasurable):
            good, said = False, str(count)
            count = "-"
        else:
            old = budget.get(compiler, {}).get(path)
            good, said = verdict(count, old)
            if options.renew:
                good, said = True, f"the budget from now on, {old or 'none'} so far"
                budget.setdefault(compiler, {})[path] = count
        print(f"  {'ok  ' if good else 'FAIL'}  {compiler + ' ' + path:<21} {count:>8} instructions: {said}")
        passed, failed = passed + good, failed + (not good)
    # The check itself: a path that became dearer is seen.
    fires = not verdict(103.0, 100.0)[0] and verdict(101.0, 100.0)[0]
    print(f"  {'ok  ' if fires else 'FAIL'}  a path that is 3 % dearer fails, one that is 1 % dearer does not")
    passed, failed = passed + fires, failed + (not fires)
    if options.renew:
        with open(BUDGET, "w", encoding="ascii") as f:
            json.dump(budget, f, indent=4)
            f.write("\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
