#!/usr/bin/env python3
"""Measures weft's figures and prints a row each: name, value, goal, ok or short.

    bench/figures.py [--only NAME]... [--rounds N] [--json FILE] [--gcc DIR] [--clang DIR] [--list]

--only    rows whose name contains NAME; may be given more than once
--rounds  pairs a row of times (11): each round runs the floor and weft in turn
--json    writes the rows with all their samples
--gcc, --clang
          build directories (build/figures-gcc, build/figures-clang); scripts/measure.sh makes them
--list    names the rows

What a row measures and what makes it fair is in bench/README.md. A row whose times were taken while something else
used the CPUs says `disturbed`, and has no verdict. Ends with 1 if a row could not be measured;
a row that is short is a result, not a failure.
"""

import os
import resource
import sys
import tempfile

from harness.command import chosen, parse, parser_for
from harness.machine import ROOT, cores, pinned
from harness.programs import Unmeasurable, command_name, instructions, line_of, run, slope
from harness.progress import progress
from harness.rounds import take_rounds
from harness.rows import Row, summary, write_json
from harness.servers import KV_LOADS, counted_load, kv_cpu, kv_servers, load, served

COMPILERS = {"gcc": "g++-12", "clang": "clang++-22"}


def counting(command, operations):
    progress.step(f"counting instructions of {command_name(command)}, {operations}")


class Figures:
    def __init__(self, builds, rounds):
        self.builds, self.rounds = builds, rounds
        self.server_core, _ = cores()

    def workload(self, compiler, program, *words):
        return [self.builds.program(compiler, f"bench/{program}"), *(str(w) for w in words)]

    def workload_run(self, command):
        done = run(pinned(self.server_core, command), {"WEFT_IO": "epoll"})
        return line_of(done.stdout, command_name(command))

    def counted(self, compiler, words, small, large):
        """Instructions an operation: of the floor, and of weft. `words` makes a size into arguments."""

        def count(program, n):
            command = self.workload(compiler, program, *words(n))
            counting(command, n)
            return instructions(command)

        return [slope(lambda n, p=p: count(p, n), small, large) for p in ("floor", "weft_bench")]

    def paired(self, floor, weft, servers=(), rounds=0):
        """Samples of both, taken in turn; either yields a dictionary with a `value`."""
        samples = take_rounds(rounds or self.rounds, {"floor": floor, "weft": weft}, servers)
        if samples.errors:
            raise Unmeasurable("; ".join(samples.errors.values()))
        return samples

    def ratio_row(self, name, what, unit, goal, samples, note):
        """`note` is formatted with the medians of both."""
        note = note.format(weft=samples.median("weft", "value"), floor=samples.median("floor", "value"))
        ratios, disturbed = samples.ratios("weft", "floor", "value"), samples.disturbed("weft", "floor")
        row = Row(name, what, None, goal, unit, [note], ratios, disturbed)
        row.samples = samples
        return row

    # Anchor: bare pooled child, 88 instructions with GCC, 62 with Clang.
    def child(self, compiler):
        base, value = self.counted(compiler, lambda n: ("child", n), 20_000, 120_000)
        note = f"{value:.1f} instructions, floor {base:.1f}"
        what = "child call: create, await, destroy"
        return Row(f"child-{compiler}", what, value / base, 1.5, "x floor, instructions", [note])

    def timed(self, name, what, compiler, goal, words, count=None):
        def cpu(program):
            command = self.workload(compiler, program, *words)
            return lambda: {"value": self.workload_run(command)["cpu_ns"]}

        samples = self.paired(cpu("floor"), cpu("weft_bench"))
        note = "{weft:.1f} ns, floor {floor:.1f}"
        if count:
            base, value = self.counted(compiler, *count)
            note += f"; {value:.1f} instructions, floor {base:.1f} (x{value / base:.2f})"
        return self.ratio_row(f"{name}-{compiler}", what, "x floor, CPU", goal, samples, note)

    # Anchors: bare pooled coroutine 11 ns, 53 instructions; TooManyCooks 8x, Tokio 19x.
    def spawn(self, compiler):
        return self.timed(
            "spawn-1000",
            "spawn + join of a trivial task, 1,000 alive",
            compiler,
            2,
            ("spawn", 2_000_000, 1_000),
            (lambda n: ("spawn", n, 1_000), 20_000, 120_000),
        )

    def spawn_many(self, compiler):
        what = "spawn + join of a trivial task, 1,000,000 alive"
        return self.timed("spawn-1m", what, compiler, 2, ("spawn", 3_000_000, 1_000_000))

    # Anchors: floor 5 ns; TooManyCooks 28, Tokio 290 (2 tasks) and 91 (10,000).
    def yields(self, compiler, tasks, name):
        return self.timed(
            name,
            f"yield, {tasks:,} tasks",
            compiler,
            2,
            ("yield", tasks, 5_000_000),
            (lambda n: ("yield", tasks, n), 100_000, 300_000),
        )

    # Anchors: floor 14 ns; TooManyCooks 163, Tokio 447.
    def channel(self, compiler):
        return self.timed(
            "channel",
            "channel round trip, one executor",
            compiler,
            3,
            ("channel", 2_000_000),
            (lambda n: ("channel", n), 20_000, 120_000),
        )

    # Anchors: libuv callback 160, TooManyCooks 609, Asio 1,258, Tokio 1,416.
    def idle(self, compiler):
        result = self.workload_run(self.workload(compiler, "weft_bench", "idle", 200_000))
        note = "200,000 tasks, by RSS"
        return Row(f"idle-{compiler}", "idle sleeping task", result["bytes"], 200, "bytes", [note])

    # Anchors: Tokio 6.5x, 1,360 MB; TooManyCooks 5.9x; libuv 5.4x.
    def sleepers(self, compiler):
        def measured(program):
            command = self.workload(compiler, program, "sleepers", 1_000_000)

            def sample():
                result = self.workload_run(command)
                return {"value": result["cpu_ns"], "peak": result["peak_kb"] * 1024 / 1e6}

            return sample

        samples = self.paired(measured("floor"), measured("weft_bench"), rounds=max(3, self.rounds // 2))
        what = "one million sleeping tasks"
        note = "{weft:.0f} ns a task, floor {floor:.0f}"
        peak = samples.median("weft", "peak")
        return [
            self.ratio_row(f"sleepers-cpu-{compiler}", f"{what}, CPU", "x floor, CPU", 1.6, samples, note),
            Row(f"sleepers-memory-{compiler}", f"{what}, peak", peak, 220, "MB"),
        ]

    # Anchors: raw loop 71, libuv 728, Tokio 959, Asio 2,483.
    def echo_instructions(self, compiler):
        load_program = self.builds.program(compiler, "bench/bench_load")

        def per_request(command_for):
            def count(requests):
                counting(command_for(0), requests)
                return counted_load(command_for, load_program, requests, "--connections", 64)

            return slope(count, 2_000, 12_000)

        raw = per_request(self.raw_server(compiler, "epoll"))
        value = per_request(self.echo_server(compiler))
        what = "TCP echo, 64 connections, epoll: user instructions a request"
        return Row(f"echo-instructions-{compiler}", what, value, 150, "instructions", [f"raw loop {raw:.1f}"])

    def raw_server(self, compiler, io):
        return lambda port: self.workload(compiler, f"raw_{io}", port)

    def echo_server(self, compiler):
        return lambda port: [self.builds.program(compiler, "examples/echo/weft-echo"), "--port", str(port)]

    # Anchors: Tokio 1.01 to 1.15x, Asio awaitable 1.05 to 1.35x of raw epoll.
    def echo(self, io, connections):
        load_program = self.builds.program("gcc", "bench/bench_load")
        options = ("--connections", connections, "--warm-up", 0.1, "--seconds", 0.4)
        raw = served(self.raw_server("gcc", io), core=self.server_core)
        weft = served(self.echo_server("gcc"), {"WEFT_IO": io}, core=self.server_core)
        with raw as a, weft as b:

            def cpu(server):
                said = load(load_program, server, *options, "--pid", server.pid)
                return {"value": said["server_cpu_us"]}

            samples = self.paired(lambda: cpu(a), lambda: cpu(b), (a, b))
        what = f"TCP echo on {io}, {connections:,} connections: CPU a request"
        note = "{weft:.2f} us, raw {floor:.2f}"
        return self.ratio_row(f"echo-{io}-{connections}", what, "x raw loop, CPU", 1.05, samples, note)

    # Anchors: redis-server 11.2 to 11.8 us; 1.43 to 1.73 us.
    def kv(self):
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            commands = kv_servers(self.builds.program("gcc", "examples/kv/weft-kv"), folder)
            redis, weft = (served(commands[name], core=self.server_core) for name in ("redis-server", "weft"))
            with redis as a, weft as b:
                for operation, depth in KV_LOADS:

                    def cpu(server, operation=operation, depth=depth):
                        return {"value": kv_cpu(server, operation, depth)}

                    samples = self.paired(lambda: cpu(a), lambda: cpu(b), (a, b))
                    what = f"kv, {operation} at -P {depth}: CPU a request"
                    name = f"kv-{operation.lower()}-p{depth}"
                    note = "{weft:.2f} us, redis {floor:.2f}"
                    rows.append(self.ratio_row(name, what, "x redis-server, CPU", 1, samples, note))
        return rows

    # Anchors: libfork 1.5, Asio 2.9, stdexec 3.4 times <chrono>.
    def parse(self, compiler):
        command = [COMPILERS[compiler], "-std=c++23", "-fsyntax-only", f"-I{ROOT}"]

        def seconds(source):
            began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            run([*command, source])
            return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began

        with tempfile.TemporaryDirectory() as folder:
            sources = []
            for name, text in (
                ("empty", ""),
                ("chrono", "#include <chrono>\n"),
                ("task", "#include <weft/core/task.hpp>\n"),
            ):
                sources.append(os.path.join(folder, name + ".cpp"))
                with open(sources[-1], "w", encoding="ascii") as f:
                    f.write(text)
            empty, chrono, task = sources
            samples = self.paired(
                lambda: {"value": seconds(chrono) - seconds(empty)},
                lambda: {"value": seconds(task) - seconds(empty)},
            )
        what = "parse time of weft/core/task.hpp"
        note = "{weft:.3f} s beyond an empty file, <chrono> {floor:.3f}"
        return self.ratio_row(f"parse-{compiler}", what, "x <chrono>", 1.5, samples, note)

    def rows(self):
        """Name and measurement of each row, in the order of printing."""
        both = list(COMPILERS)
        for c in both:
            yield f"child-{c}", lambda c=c: self.child(c)
        for c in both:
            yield f"spawn-1000-{c}", lambda c=c: self.spawn(c)
            yield f"spawn-1m-{c}", lambda c=c: self.spawn_many(c)
        for c in both:
            yield f"yield-2-{c}", lambda c=c: self.yields(c, 2, "yield-2")
            yield f"yield-10000-{c}", lambda c=c: self.yields(c, 10_000, "yield-10000")
        for c in both:
            yield f"channel-{c}", lambda c=c: self.channel(c)
        for c in both:
            yield f"idle-{c}", lambda c=c: self.idle(c)
        for c in both:
            yield f"sleepers-{c}", lambda c=c: self.sleepers(c)
        for c in both:
            yield f"echo-instructions-{c}", lambda c=c: self.echo_instructions(c)
        for io in ("epoll", "uring"):
            for connections in (64, 1_000):
                yield f"echo-{io}-{connections}", lambda io=io, n=connections: self.echo(io, n)
        yield "kv", self.kv
        for c in both:
            yield f"parse-{c}", lambda c=c: self.parse(c)


def main():
    parser = parser_for(__doc__, rounds=11)
    options, builds = parse(parser)
    wanted = chosen(Figures(builds, options.rounds).rows(), options.only, parser)
    if options.list:
        for name, _ in wanted:
            print(name)
        return 0

    rows = []
    print(f"{'name':<24} {'value':>9} {'goal':>8}  {'':<9} what, and how it came about", flush=True)
    for number, (name, measure) in enumerate(wanted, 1):
        progress.begin(number, len(wanted), name)
        try:
            result = measure()
        except Unmeasurable as why:
            result = Row(name, "", error=str(why))
        progress.clear()
        for row in result if isinstance(result, list) else [result]:
            rows.append(row)
            print_row(row)

    counts, all_measured = summary(rows)
    print(counts)
    if options.json:
        write_json(options.json, rows)
    return 0 if all_measured else 1


def print_row(row):
    if row.error:
        print(f"{row.name:<24} {'-':>9} {'-':>8}  error     {row.error}", flush=True)
        return
    detail = "; ".join([f"{row.what} ({row.unit})", *row.notes])
    print(f"{row.name:<24} {row.printed():>9} {f'<= {row.goal:g}':>8}  {row.state():<9} {detail}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(130)
