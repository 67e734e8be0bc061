#!/usr/bin/env python3
"""Measures weft beside its peers and the floors, and writes a report with plots into build/bench/.

    bench/bench.py [--only NAME]... [--rounds N] [--quick] [--json FILE] [--gcc DIR] [--clang DIR] [--list]

--only    workloads whose name contains NAME; may be given more than once
--rounds  how often each contender runs (7), in rotated order
--quick   a check that everything runs: one round, small sizes, no verdicts
--json    writes the rows with all their samples
--gcc, --clang
          build directories (build/figures-gcc, build/figures-clang); scripts/measure.sh makes them
--list    names the workloads

Ends with a row each: name, weft, best peer, floor, goal, and `ok` or `short`; `disturbed` where others used the machine,
`error` where something could not be built or run, and then the command ends with 1. bench/README.md says why it is fair.
"""

import contextlib
import os
import sys

from harness.command import chosen, parse, parser_for
from harness.machine import ROOT, patience, raise_descriptor_limit
from harness.peers import PEERS, Peers
from harness.programs import Unmeasurable
from harness.progress import progress
from harness.rounds import Samples, take_rounds
from harness.rows import summary, write_json
from harness.verdict import rows_of
from harness.workloads import Suite


INTERRUPTED = 130  # as a shell says it of a program that Ctrl-C ended


def measure(workload, rounds):
    with contextlib.ExitStack() as stack:
        try:
            contenders, servers = workload.contenders(stack)
        except Unmeasurable as why:
            samples = Samples(rounds)
            samples.errors["weft"] = str(why)
            return samples
        rounds = min(rounds, workload.most_rounds)
        return take_rounds(rounds, contenders, servers, workload.seconds)


def main():
    parser = parser_for(__doc__, rounds=7)
    parser.add_argument("--quick", action="store_true")
    options, builds = parse(parser)
    rounds = 1 if options.quick else options.rounds

    peers = Peers()
    suite = Suite(builds, peers, options.quick)
    named = chosen([(w.name, w) for w in suite.workloads()], options.only, parser)
    if options.list:
        for name, workload in named:
            print(f"{name:<22} {workload.what}")
        return 0

    try:
        from harness import report  # what it needs is not needed for --list, and missed before minutes have gone by
    except ImportError as missing:
        parser.error(f"{missing} in {sys.executable}; Debian's Python has it: scripts/install-dependencies.sh bench")
    raise_descriptor_limit()
    if options.quick:
        patience.most = patience.now = 0.0
    peers.build(PEERS, lambda text: print(text, file=sys.stderr, flush=True))
    progress.expect(sum(w.count * w.seconds * min(rounds, w.most_rounds) for _, w in named))
    results, rows, stopped = [], [], False
    for number, (name, workload) in enumerate(named, 1):
        progress.begin(number, len(named), name)
        try:
            samples = measure(workload, rounds)
        except KeyboardInterrupt:  # what has been measured is worth a report
            stopped = True
            break
        results.append((workload, samples))
        rows += rows_of(workload, samples, options.quick)
    progress.clear()
    if not results:
        return INTERRUPTED

    folder = os.path.join(ROOT, "build", "bench")
    path = report.write(folder, results, rows, rounds, options.quick)
    counts, all_measured = summary(rows)
    print(report.rows_table(rows))
    print(f"{counts}; {os.path.relpath(path)}")
    if options.json:
        write_json(options.json, rows)
    if stopped:
        print(f"stopped in {name}: the workloads from there on are missing", file=sys.stderr)
        return INTERRUPTED
    return 0 if all_measured else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(INTERRUPTED)
