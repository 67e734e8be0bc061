#!/usr/bin/env python3
"""Whether the harness judges rightly: what is calm, what is compared, which verdict a row has. Nothing is measured.

The last line is "N passed, N failed".
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.command import chosen
from harness.machine import DISTURBED, Watch, patience
from harness.programs import Unmeasurable, slope
from harness.rounds import Samples, take_rounds
from harness.rows import Row, summary
from harness.verdict import rows_of
from harness.workloads import BEST_PEER, CPU, Goal, Workload, scaled

CALM, NOISE = 0.0, 2 * DISTURBED


def samples_of(others=CALM, **figures):
    """Three rounds; a figure is one number, or one a round."""
    samples = Samples(3)
    for contender, values in figures.items():
        for number, value in enumerate(values if isinstance(values, tuple) else (values,) * 3):
            samples.add(number, contender, others, {"cpu_ns": value})
    return samples


def workload(*goals, **more):
    return Workload("spawn", "a spawn", [CPU], goals, None, floors=["floor"], count=3, **more)


def states(samples, *goals, quick=False, **more):
    return [row.state() for row in rows_of(workload(*goals, **more), samples, quick)]


def ratios_are_of_the_same_round():
    # The medians' ratio would be 20 / 20.
    samples = samples_of(weft=(10, 20, 60), floor=(20, 10, 30))
    return sorted(samples.ratios("weft", "floor", "cpu_ns")) == [0.5, 2.0, 2.0]


def noise_is_left_out():
    samples = samples_of(weft=10)
    samples.add(3, "weft", NOISE, {"cpu_ns": 1000})
    return samples.values("weft", "cpu_ns") == [10, 10, 10] and not samples.disturbed("weft")


def noise_alone_has_no_verdict():
    goals = (Goal(2, "floor"), Goal(100), Goal(1, BEST_PEER))
    return states(samples_of(NOISE, weft=10, floor=9, tokio=20), *goals) == ["disturbed"] * 3


def noise_of_the_other_side_counts():
    samples = samples_of(weft=10)
    for number in range(3):
        samples.add(number, "floor", NOISE, {"cpu_ns": 10})
    return states(samples, Goal(2, "floor"), Goal(100)) == ["disturbed", "ok"]


def memory_is_not_disturbed():
    return states(samples_of(NOISE, weft=10), Goal(100), exact=True) == ["ok"]


def goals_are_judged():
    samples = samples_of(weft=10, floor=4, tokio=20, go=9)
    goals = (Goal(2, "floor"), Goal(2.5, "floor"), Goal(10), Goal(9.5), Goal(1, BEST_PEER), Goal(1.2, BEST_PEER))
    return states(samples, *goals) == ["short", "ok", "ok", "short", "short", "ok"]


def the_best_peer_is_no_floor():
    row = rows_of(workload(Goal(1, BEST_PEER)), samples_of(weft=10, floor=1, tokio=20, go=30), False)[0]
    return row.columns["best peer"] == "tokio 20.0 ns" and row.columns["floor"] == "1.0 ns" and row.state() == "ok"


def quick_judges_nothing():
    return states(samples_of(weft=10, floor=1), Goal(2, "floor"), quick=True) == ["-"]


def what_cannot_be_measured_is_an_error():
    def broken():
        raise Unmeasurable("could not be built")

    samples = take_rounds(3, {"weft": lambda: {"cpu_ns": 10}, "tokio": broken})
    rows = rows_of(workload(Goal(100), Goal(1, BEST_PEER)), samples, True)
    counts, all_measured = summary(rows)
    said = [row.error for row in rows if row.error]
    return len(said) == 2 and "could not be built" in said[1] and "2 error" in counts and not all_measured


def weft_that_fails_is_an_error():
    samples = samples_of(floor=10)
    samples.errors["weft"] = "it crashed"
    rows = rows_of(workload(Goal(2, "floor"), Goal(100)), samples, False)
    return [row.error for row in rows] == ["it crashed", "it crashed"]


def rounds_rotate():
    order = []
    samples = take_rounds(3, {c: lambda c=c: order.append(c) or {"v": 1} for c in "abc"})
    # A sample that others disturbed is taken once more at once, which changes no order.
    once = [c for i, c in enumerate(order) if i == 0 or order[i - 1] != c]
    return "".join(once) == "abcbcacab" and len(samples.all) == 9


def others_are_seen():
    """Busy processes that are not ours: of the harness's children, those that go on are nobody's measurement."""
    burn = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(burn) for _ in range(os.cpu_count())]
    try:
        time.sleep(0.2)
        with Watch() as w:
            time.sleep(0.5)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return w.others > DISTURBED


def sizes_are_scaled():
    words = "spawn ~1000 1000 0", "fib ^30 2", "skynet %1000000"
    quick = [scaled(w, True) for w in words] == [["spawn", "50", "1000", "0"], ["fib", "22", "2"], ["skynet", "10000"]]
    return quick and scaled(words[0], False) == ["spawn", "1000", "1000", "0"]


def a_goal_holds_for_what_is_printed():
    return Row("a", "", 2.004, 2).state() == "ok" and Row("a", "", 2.006, 2).state() == "short"


def rows_are_chosen():
    named = [("spawn-1000",), ("spawn-1000-2t",), ("echo-64",)]
    parser = argparse.ArgumentParser()
    pick = lambda *only: [name for name, in chosen(named, only, parser)]
    with contextlib.redirect_stderr(open(os.devnull, "w", encoding="ascii")), contextlib.suppress(SystemExit):
        chosen(named, ["nothing"], parser)
        return False
    some = pick("1000") == ["spawn-1000", "spawn-1000-2t"] and pick("spawn-1000-2t-peer") == ["spawn-1000-2t"]
    return some and len(pick()) == 3


def slopes_cancel_the_start():
    return slope(lambda n: 1_000_000 + 7 * n, 100, 200) == 7


CHECKS = [value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == __name__]
HELPERS = {samples_of, workload, states}


def main():
    patience.most = patience.now = 0.0
    failed = 0
    checks = [check for check in CHECKS if check not in HELPERS]
    for check in checks:
        good = check()
        print(f"  {'ok  ' if good else 'FAIL'}  {check.__name__.replace('_', ' ')}")
        failed += not good
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
