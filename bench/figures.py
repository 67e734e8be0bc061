#!/usr/bin/env python3
"""Measures weft's figures and prints a row each: name, value, goal, ok or short.

    bench/figures.py [--only NAME]... [--rounds N] [--json FILE] [--gcc DIR] [--clang DIR] [--list]

--only    rows whose name contains NAME; may be given more than once
--rounds  pairs a row of times (11): each round runs the floor and weft in turn
--json    writes the rows with all their samples
--gcc, --clang
          build directories (build/figures-gcc, build/figures-clang); scripts/figures.sh makes them
--list    names the rows

What a row measures and what makes it fair is in bench/README.md. A row whose times were taken while something else
used the CPUs, after as many repetitions as rounds, says `disturbed`. Ends with 1 if a row could not be measured;
a row that is short is a result, not a failure.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILERS = {"gcc": "g++-12", "clang": "clang++-22"}
# More than this share of the CPUs used by others marks a sample as disturbed.
DISTURBED = 0.15


class Unmeasurable(Exception):
    """A row's programs are missing or do not work: an error row."""


# Progress.


class Progress:
    """One line on a terminal, rewritten; elsewhere a line a row."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()
        self.row = ""
        self.last = ""

    def begin(self, number, count, name):
        self.row = f"[{number}/{count}] {name}"
        if self.terminal:
            self.step("")
        else:
            print(self.row, file=sys.stderr, flush=True)

    def step(self, text):
        if self.terminal and (line := f"{self.row} {text}") != self.last:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
            self.last = line

    def clear(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self.last = ""


progress = Progress()


# The machine: who else uses it, and where programs run.


def machine_seconds():
    """CPU seconds of everybody since boot, and those that the hypervisor gave to others."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq + steal) / tick


def children_seconds():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def process_seconds(pid):
    """CPU time of a process, by its clock."""
    return time.clock_gettime((~pid << 3) | 2)


class Watch:
    """How much of the CPUs others used meanwhile; `servers` are ours, too, and run on."""

    def __init__(self, servers=()):
        self.servers = servers

    def own(self):
        return children_seconds() + time.process_time() + sum(process_seconds(s.pid) for s in self.servers)

    def __enter__(self):
        self.began = time.monotonic(), machine_seconds(), self.own()
        return self

    def __exit__(self, *_):
        wall, machine, own = self.began
        elapsed = max(time.monotonic() - wall, 1e-3)
        others = machine_seconds() - machine - (self.own() - own)
        # The kernel counts whole ticks: what is less than two of them is nothing.
        self.others = max(0.0, others - 0.02) / (os.cpu_count() * elapsed)


def wait_for_quiet(at_most=2.0):
    end = time.monotonic() + at_most
    while time.monotonic() < end:
        with Watch() as w:
            time.sleep(0.1)
        if w.others < 0.05:
            return


def cores():
    """A core for servers and benchmarks, and another for clients."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1] if len(usable) > 1 else usable[0]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def run(command, environment=None, timeout=300):
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
        )
    except FileNotFoundError as missing:
        raise Unmeasurable(f"{missing.filename} is not there") from missing
    except subprocess.TimeoutExpired as late:
        raise Unmeasurable(f"{command_name(command)} did not end in {timeout} s") from late
    if done.returncode != 0:
        raise Unmeasurable(f"{command_name(command)} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return done


def command_name(command):
    return os.path.basename(next(c for c in command if c not in ("taskset", "-c") and not c.isdigit()))


# Samples.


def percentile(samples, p):
    ordered = sorted(samples)
    at = p / 100 * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


class Samples:
    """Values of rounds, each with what others used of the machine meanwhile. Calm rounds count if there are enough."""

    def __init__(self):
        self.all = []

    def add(self, others, **values):
        self.all.append({"others": round(others, 3), **values})

    def calm(self):
        return [s for s in self.all if s["others"] <= DISTURBED]

    def enough(self, rounds):
        return len(self.calm()) >= rounds

    def used(self, rounds):
        calm = self.calm()
        return calm if len(calm) * 2 >= rounds else self.all

    def disturbed(self, rounds):
        return len(self.calm()) * 2 < rounds

    def median(self, key, rounds):
        return statistics.median(s[key] for s in self.used(rounds))

    def spread(self, key, rounds):
        values = [s[key] for s in self.used(rounds)]
        return percentile(values, 10), percentile(values, 90)


def paired(rounds, floor, weft, servers=()):
    """Rounds of floor() and weft() in turn, the order changing; up to twice as many if others disturb."""
    samples = Samples()
    for number in range(2 * rounds):
        if samples.enough(rounds):
            break
        progress.step(f"round {number + 1}, {len(samples.calm())} of {rounds} calm")
        wait_for_quiet()
        with Watch(servers) as w:
            if number % 2 == 0:
                base = floor()
                value = weft()
            else:
                value = weft()
                base = floor()
        samples.add(w.others, floor=base, weft=value, ratio=value / base)
    return samples


class Row:
    def __init__(self, name, what, value, goal, text, note="", samples=None, rounds=0, key="ratio"):
        self.name, self.what, self.value, self.goal, self.text = name, what, value, goal, text
        self.notes = [note] if note else []
        self.samples = samples
        self.error = None
        self.disturbed = bool(samples) and samples.disturbed(rounds)
        if samples:
            low, high = samples.spread(key, rounds)
            self.notes.insert(0, f"p10..p90 {low:.2f}..{high:.2f}, {len(samples.used(rounds))} rounds")
        if self.disturbed:
            self.notes.append("disturbed")

    def state(self):
        if self.error:
            return "error"
        # A goal holds for the figure as it is printed.
        return "ok" if self.value <= self.goal else "short"


# Where programs are, and how they are counted.


class Builds:
    def __init__(self, directories):
        self.directories = directories

    def program(self, compiler, path):
        file = os.path.join(self.directories[compiler], path)
        if not os.access(file, os.X_OK):
            raise Unmeasurable(f"{os.path.relpath(file, ROOT)} is not there: build it with scripts/figures.sh")
        return file


def collected(errors, program):
    found = re.search(r"Collected : (\d+)", errors)
    if not found:
        raise Unmeasurable(f"callgrind counted nothing in {program}: {errors.strip()[-200:]}")
    return int(found.group(1))


CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def instructions(command):
    """User instructions of a whole run."""
    progress.step(f"counting instructions of {os.path.basename(command[0])}")
    # valgrind 3.19 does not know io_uring; no workload that is counted needs it.
    return collected(run(CALLGRIND + command, {"WEFT_IO": "epoll"}).stderr, command_name(command))


def slope(command_for, small, large):
    """Instructions an operation, start and end of the program cancelled out."""
    return (instructions(command_for(large)) - instructions(command_for(small))) / (large - small)


def line_of(output, program):
    for line in output.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise Unmeasurable(f"{program} printed no result")


class Figures:
    def __init__(self, builds, rounds):
        self.builds, self.rounds = builds, rounds
        self.server_core, self.client_core = cores()

    def workload(self, compiler, program, *words):
        return [self.builds.program(compiler, f"bench/{program}"), *(str(w) for w in words)]

    def workload_run(self, command):
        done = run(pinned(self.server_core, command), {"WEFT_IO": "epoll"})
        return line_of(done.stdout, command_name(command))

    def counted(self, compiler, words, small, large):
        """Instructions an operation: of the floor, and of weft. `words` makes a size into arguments."""
        return [
            slope(lambda n, p=program: self.workload(compiler, p, *words(n)), small, large)
            for program in ("floor", "weft_bench")
        ]

    # Anchor: bare pooled child, 88 instructions with GCC, 62 with Clang.
    def child(self, compiler):
        base, value = self.counted(compiler, lambda n: ("child", n), 20_000, 120_000)
        return Row(
            f"child-{compiler}",
            "child call: create, await, destroy",
            value / base,
            1.5,
            "x floor, instructions",
            f"{value:.1f} instructions, floor {base:.1f}",
        )

    def timed(self, name, what, compiler, goal, words, count=None):
        floor = self.workload(compiler, "floor", *words)
        weft = self.workload(compiler, "weft_bench", *words)
        samples = paired(
            self.rounds,
            lambda: self.workload_run(floor)["cpu_ns"],
            lambda: self.workload_run(weft)["cpu_ns"],
        )
        note = f"{samples.median('weft', self.rounds):.1f} ns, floor {samples.median('floor', self.rounds):.1f}"
        if count:
            base, value = self.counted(compiler, *count)
            note += f"; {value:.1f} instructions, floor {base:.1f} (x{value / base:.2f})"
        ratio = samples.median("ratio", self.rounds)
        return Row(f"{name}-{compiler}", what, ratio, goal, "x floor, CPU", note, samples, self.rounds)

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
        return Row(f"idle-{compiler}", "idle sleeping task", result["bytes"], 200, "bytes", "200,000 tasks, by RSS")

    # Anchors: Tokio 6.5x, 1,360 MB; TooManyCooks 5.9x; libuv 5.4x.
    def sleepers(self, compiler):
        floor = self.workload(compiler, "floor", "sleepers", 1_000_000)
        weft = self.workload(compiler, "weft_bench", "sleepers", 1_000_000)
        peaks = []

        def cpu_of_weft():
            result = self.workload_run(weft)
            peaks.append(result["peak_kb"] * 1024 / 1e6)
            return result["cpu_ns"]

        rounds = max(3, self.rounds // 2)
        samples = paired(rounds, lambda: self.workload_run(floor)["cpu_ns"], cpu_of_weft)
        note = (
            f"{samples.median('weft', rounds) / 1e3:.2f} s a million, "
            f"floor {samples.median('floor', rounds) / 1e3:.2f}"
        )
        what = "one million sleeping tasks"
        ratio = samples.median("ratio", rounds)
        return [
            Row(f"sleepers-cpu-{compiler}", f"{what}, CPU", ratio, 1.6, "x floor, CPU", note, samples, rounds),
            Row(f"sleepers-memory-{compiler}", f"{what}, peak", statistics.median(peaks), 220, "MB"),
        ]

    # Anchors: raw loop 71, libuv 728, Tokio 959, Asio 2,483.
    def echo_instructions(self, compiler):
        def total(command, requests):
            progress.step(f"counting instructions of {os.path.basename(command[0])}, {requests} requests")
            with served(CALLGRIND + command, {"WEFT_IO": "epoll"}) as s:
                self.load(compiler, s, 64, "--requests", requests, pin=False)
                return collected(s.end(), command_name(command))

        def per_request(command_for):
            small, large = 2_000, 12_000
            return (total(command_for(free_port()), large) - total(command_for(free_port()), small)) / (
                large - small
            )

        raw = per_request(lambda port: self.raw_server(compiler, "epoll", port))
        value = per_request(lambda port: self.echo_server(compiler, port))
        return Row(
            f"echo-instructions-{compiler}",
            "TCP echo, 64 connections, epoll: user instructions a request",
            value,
            150,
            "instructions",
            f"raw loop {raw:.1f}",
        )

    def raw_server(self, compiler, io, port):
        return self.workload(compiler, f"raw_{io}", port)

    def echo_server(self, compiler, port):
        return [self.builds.program(compiler, "examples/echo/weft-echo"), "--port", str(port)]

    def load(self, compiler, server, connections, *options, pin=True):
        command = self.workload(compiler, "bench_load", server.port, "--connections", connections, *options)
        done = run(pinned(self.client_core, command) if pin else command, timeout=120)
        return line_of(done.stdout, "bench_load")

    # Anchors: Tokio 1.01 to 1.15x, Asio awaitable 1.05 to 1.35x of raw epoll.
    def echo(self, io, connections):
        compiler = "gcc"
        raw = pinned(self.server_core, self.raw_server(compiler, io, free_port()))
        weft = pinned(self.server_core, self.echo_server(compiler, free_port()))
        with served(raw) as a, served(weft, {"WEFT_IO": io}) as b:

            def cpu(server):
                options = ("--warm-up", 0.1, "--seconds", 0.4, "--pid", server.pid)
                return self.load(compiler, server, connections, *options)["server_cpu_us"]

            samples = paired(self.rounds, lambda: cpu(a), lambda: cpu(b), (a, b))
        note = f"{samples.median('weft', self.rounds):.2f} us, raw {samples.median('floor', self.rounds):.2f}"
        ratio = samples.median("ratio", self.rounds)
        what = f"TCP echo on {io}, {connections:,} connections: CPU a request"
        return Row(f"echo-{io}-{connections}", what, ratio, 1.05, "x raw loop, CPU", note, samples, self.rounds)

    # Anchors: redis-server 11.2 to 11.8 us; 1.43 to 1.73 us.
    def kv(self):
        program = self.builds.program("gcc", "examples/kv/weft-kv")
        rows = []
        with tempfile.TemporaryDirectory() as folder:

            def start(command, port):
                options = ["--port", str(port), "--appendonly", "no", "--dir", folder]
                return served(pinned(self.server_core, command + options))

            redis = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--io-threads", "1"]
            with start(redis, free_port()) as a, start([program], free_port()) as b:
                for operation in ("GET", "SET"):
                    for depth in (1, 16):
                        rows.append(self.kv_row(a, b, operation, depth))
        return rows

    def kv_row(self, redis, weft, operation, depth):
        requests = 30_000 if depth == 1 else 300_000

        def cpu(server):
            command = ["redis-benchmark", "-p", server.port, "-t", operation.lower(), "-n", requests]
            command += ["-c", 50, "-P", depth, "--csv"]
            began = process_seconds(server.pid)
            done = run(pinned(self.client_core, [str(c) for c in command]), timeout=120)
            if f'"{operation}"' not in done.stdout:
                raise Unmeasurable(f"redis-benchmark: {(done.stdout + done.stderr).strip()[-200:]}")
            return (process_seconds(server.pid) - began) * 1e6 / requests

        progress.step(f"{operation} -P {depth}")
        samples = paired(self.rounds, lambda: cpu(redis), lambda: cpu(weft), (redis, weft))
        note = f"{samples.median('weft', self.rounds):.2f} us, redis {samples.median('floor', self.rounds):.2f}"
        ratio = samples.median("ratio", self.rounds)
        what = f"kv, {operation} at -P {depth}: CPU a request"
        name = f"kv-{operation.lower()}-p{depth}"
        return Row(name, what, ratio, 1, "x redis-server, CPU", note, samples, self.rounds)

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
            samples = paired(
                self.rounds,
                lambda: seconds(chrono) - seconds(empty),
                lambda: seconds(task) - seconds(empty),
            )
        note = (
            f"{samples.median('weft', self.rounds):.3f} s beyond an empty file, "
            f"<chrono> {samples.median('floor', self.rounds):.3f}"
        )
        what = "parse time of weft/core/task.hpp"
        ratio = samples.median("ratio", self.rounds)
        return Row(f"parse-{compiler}", what, ratio, 1.5, "x <chrono>", note, samples, self.rounds)

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


# Servers.


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, command, environment):
        self.name = command_name([c for c in command if c not in CALLGRIND])
        self.port = next(int(c) for c in reversed(command) if c.isdigit())
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=self.errors
        )
        self.pid = self.process.pid

    def wait_until_it_listens(self):
        for _ in range(300):
            if self.process.poll() is not None:
                raise Unmeasurable(f"{self.name} ended with {self.process.returncode}: {self.said()[-200:]}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                time.sleep(0.1)
                return
            time.sleep(0.05)
        raise Unmeasurable(f"{self.name} does not listen on port {self.port}")

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.said()


@contextlib.contextmanager
def served(command, environment=None):
    try:
        server = Server(command, environment or {})
    except FileNotFoundError as missing:
        raise Unmeasurable(f"{missing.filename} is not there") from missing
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        server.end()
        server.errors.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--gcc", default=os.path.join(ROOT, "build", "figures-gcc"), metavar="DIR")
    parser.add_argument("--clang", default=os.path.join(ROOT, "build", "figures-clang"), metavar="DIR")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("--rounds: at least 3")

    figures = Figures(Builds({"gcc": options.gcc, "clang": options.clang}), options.rounds)
    wanted = [
        (name, measure)
        for name, measure in figures.rows()
        if not options.only or any(o in name or name in o for o in options.only)
    ]
    if not wanted:
        parser.error(f"no row is called {' or '.join(options.only)}; see --list")
    if options.list:
        for name, _ in wanted:
            print(name)
        return 0

    rows = []
    print(f"{'name':<24} {'value':>9} {'goal':>8}  {'':<6} what, and how it came about", flush=True)
    for number, (name, measure) in enumerate(wanted, 1):
        progress.begin(number, len(wanted), name)
        try:
            result = measure()
        except Unmeasurable as why:
            result = Row(name, "", 0, 0, "")
            result.error = str(why)
        progress.clear()
        for row in result if isinstance(result, list) else [result]:
            rows.append(row)
            print_row(row)

    states = [r.state() for r in rows]
    print(f"{states.count('ok')} ok, {states.count('short')} short, {states.count('error')} not measured")
    if options.json:
        write_json(options.json, rows)
    return 1 if "error" in states else 0


def print_row(row):
    if row.error:
        print(f"{row.name:<24} {'-':>9} {'-':>8}  error  {row.error}", flush=True)
        return
    digits = 2 if row.goal < 10 else 1
    goal = f"<= {row.goal:g}"
    detail = "; ".join([f"{row.what} ({row.text})", *row.notes])
    print(f"{row.name:<24} {row.value:>9.{digits}f} {goal:>8}  {row.state():<6} {detail}", flush=True)


def write_json(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(
            [
                {
                    "name": r.name,
                    "what": r.what,
                    "unit": r.text,
                    "value": r.value,
                    "goal": r.goal,
                    "state": r.state(),
                    "error": r.error,
                    "disturbed": r.disturbed,
                    "notes": r.notes,
                    "samples": r.samples.all if r.samples else [],
                }
                for r in rows
            ],
            f,
            indent=1,
        )
        f.write("\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(130)
