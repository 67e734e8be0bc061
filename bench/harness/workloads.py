"""What make bench measures: each workload's contenders, and the goals of its rows. Why they are fair: bench/README.md."""

import tempfile

from harness.machine import cores, pinned
from harness.programs import Unmeasurable, command_name, line_of, run, slope
from harness.servers import KV_LOADS, counted_load, kv_cpu, kv_servers, load, served


class Metric:
    """A member of what a sample yields; `scale` makes it a figure in `unit`."""

    def __init__(self, key, unit, scale=1.0, digits=1):
        self.key, self.unit, self.scale, self.digits = key, unit, scale, digits

    def text(self, value):
        return f"{value * self.scale:,.{self.digits}f} {self.unit}"


CPU = Metric("cpu_ns", "ns")
WALL = Metric("wall_ns", "ns")
CPU_US = Metric("cpu_ns", "us", 1e-3, 2)
WALL_US = Metric("wall_ns", "us", 1e-3, 2)
CPU_SECONDS = Metric("cpu_ns", "s CPU", 1e-3, 2)  # of a million tasks
WALL_SECONDS = Metric("wall_ns", "s", 1e-3, 2)
PEAK = Metric("peak_kb", "MB", 1024 / 1e6, 0)
BYTES = Metric("bytes", "bytes", 1, 0)
SERVER_CPU = Metric("server_cpu_us", "us", 1, 2)
SLEEPS = Metric("sleeps", "sleeps", 1, 2)
P50, P99, P999 = (Metric(f"{p}_us", "us") for p in ("p50", "p99", "p999"))
INSTRUCTIONS = Metric("instructions", "instructions", 1, 0)


class Goal:
    """At most `limit`: of the figure itself, or of its ratio to that of `to` ("best peer", or a contender's name)."""

    def __init__(self, limit, to=None, metric=None, suffix="", of="weft"):
        self.limit, self.to, self.metric, self.suffix, self.of = limit, to, metric, suffix, of

    def text(self, metric):
        if self.to is None:
            return f"{self.limit:,g} {metric.unit}"
        return f"{self.limit:g} x {self.to}"


BEST_PEER = "best peer"


class Workload:
    def __init__(self, name, what, metrics, goals, contenders, **more):
        """`contenders(stack)`: name to a function that yields a sample's metrics, and the servers that they load, which
        live as long as the stack."""
        self.name, self.what, self.metrics, self.goals, self.contenders = name, what, metrics, goals, contenders
        self.floors = more.get("floors", [])  # names; the first one is shown in the rows
        self.seconds = more.get("seconds", 0.6)  # a sample takes about so long
        self.most_rounds = more.get("most_rounds", 1000)
        self.exact = more.get("exact", False)  # memory and instructions: nobody disturbs them
        self.count = more["count"]  # of the contenders

    @staticmethod
    def is_weft(name):
        return name.split()[0].rstrip(",") == "weft"

    def kind(self, contender):
        return "weft" if self.is_weft(contender) else "floor" if contender in self.floors else "peer"

    def best_peer(self, samples, metric):
        names = {s["contender"] for s in samples.all}
        return samples.best([n for n in names if self.kind(n) == "peer"], metric.key)


def scaled(words, quick):
    """A number after `~`, `%` or `^` is the size of the work; --quick makes it a twentieth, a hundredth, or 8 less."""
    smaller = {"~": lambda n: max(1, n // 20), "%": lambda n: max(1, n // 100), "^": lambda n: n - 8}
    out = []
    for word in words.split():
        if word[0] in smaller:
            word = str(smaller[word[0]](int(word[1:])) if quick else int(word[1:]))
        out.append(word)
    return out


class Suite:
    def __init__(self, builds, peers, quick):
        self.builds, self.peers, self.quick = builds, peers, quick
        self.server_core = cores()[0]

    # Programs that run and say what they took.

    def command(self, program, words):
        words = scaled(words, self.quick)
        kind, _, compiler = program.partition(":")
        if kind in ("floor", "weft"):
            path = {"floor": "bench/floor", "weft": "bench/weft_bench"}[kind]
            return [self.builds.program(compiler or "gcc", path), *words]
        return [self.peers.program(kind), *words]

    def micro(self, name, what, metrics, goals, entries, cpus=1, **more):
        """`entries`: (contender, program, words[, environment]). Floors and weft run as both compilers build them."""
        every = []
        for contender, program, words, *environment in entries:
            every.append((contender, program, words, *environment))
            if program in ("floor", "weft"):
                every.append((f"{contender} (clang)", f"{program}:clang", words, *environment))

        def sample(program, words, environment=None):
            command = self.command(program, words)
            if cpus == 1:
                command = pinned(self.server_core, command)
            return line_of(run(command, environment).stdout, command_name(command))

        def contenders(_):
            return {c: lambda rest=rest: sample(*rest) for c, *rest in every}, []

        floors = [c for c, program, *_ in every if program.partition(":")[0] == "floor"]
        return Workload(name, what, metrics, goals, contenders, floors=floors, count=len(every), **more)

    def workloads(self):
        yield from self.tasks()
        yield from self.hand_offs()
        yield from self.fork_join()
        yield from self.timers()
        yield from self.echoes()
        yield from self.kv()

    def tasks(self):
        yield self.micro(
            "child",
            "child call: create, await, destroy",
            [CPU],
            [Goal(1.5, "floor")],
            [
                ("floor", "floor", "child ~10000000"),
                ("weft", "weft", "child ~10000000"),
                ("asio", "asio", "child ~5000000"),
                ("tokio", "tokio", "child ~10000000"),
            ],
        )
        for alive, text in (("1000", "1,000"), ("~1000000", "1,000,000")):
            label = "1m" if alive[0] == "~" else "1000"
            yield self.micro(
                f"spawn-{label}",
                f"spawn + join of a trivial task, {text} alive, 1 thread",
                [CPU],
                [Goal(2, "floor"), Goal(1, BEST_PEER, suffix="peer")],
                [
                    ("floor", "floor", f"spawn ~3000000 {alive}"),
                    ("weft", "weft", f"spawn ~3000000 {alive} 0"),
                    ("weft runtime", "weft", f"spawn ~3000000 {alive} 1"),
                    ("tokio", "tokio", f"spawn ~1000000 {alive} 0"),
                    ("tokio multi", "tokio", f"spawn ~1000000 {alive} 1"),
                    ("go", "go", f"spawn ~1000000 {alive} 1"),
                    ("asio", "asio", f"spawn ~1000000 {alive} 1"),
                    ("tbb", "tbb", f"spawn ~2000000 {alive} 1"),
                    ("rayon", "rayon", f"spawn ~2000000 {alive} 1"),
                ],
            )
        for alive, text in (("1000", "1,000"), ("~1000000", "1,000,000")):
            label = "1m" if alive[0] == "~" else "1000"
            yield self.micro(
                f"spawn-{label}-2t",
                f"spawn + join of a trivial task, {text} alive, 2 threads, wall time",
                [WALL, CPU],
                [Goal(100), Goal(1, "weft on 1", suffix="vs-1t"), Goal(1, BEST_PEER, suffix="peer")],
                [
                    ("weft on 1", "weft", f"spawn ~3000000 {alive} 1"),
                    ("weft", "weft", f"spawn ~3000000 {alive} 2"),
                    ("tokio", "tokio", f"spawn ~1000000 {alive} 2"),
                    ("go", "go", f"spawn ~1000000 {alive} 2"),
                    ("asio", "asio", f"spawn ~1000000 {alive} 2"),
                    ("tbb", "tbb", f"spawn ~2000000 {alive} 2"),
                    ("rayon", "rayon", f"spawn ~2000000 {alive} 2"),
                ],
                cpus=2,
            )
        for tasks in ("2", "10000"):
            yield self.micro(
                f"yield-{tasks}",
                f"yield, {int(tasks):,} tasks, 1 thread",
                [CPU],
                [Goal(2, "floor"), Goal(1, BEST_PEER, suffix="peer")],
                [
                    ("floor", "floor", f"yield {tasks} ~5000000"),
                    ("weft", "weft", f"yield {tasks} ~5000000 0"),
                    ("weft runtime", "weft", f"yield {tasks} ~5000000 1"),
                    ("tokio", "tokio", f"yield {tasks} ~1000000 0"),
                    ("tokio multi", "tokio", f"yield {tasks} ~1000000 1"),
                    ("go", "go", f"yield {tasks} ~1000000 1"),
                    ("asio", "asio", f"yield {tasks} ~1000000"),
                ],
            )

    def hand_offs(self):
        for threads, form, limit in (("0", "one executor", 40), ("2", "runtime of 2 threads", 80)):
            suffix = "" if threads == "0" else "-runtime"
            one_or_two = "1" if threads == "0" else "2"
            yield self.micro(
                f"channel{suffix}",
                f"channel round trip on one thread, {form}",
                [CPU],
                [Goal(limit), Goal(1, BEST_PEER, suffix="peer")],
                [
                    ("floor", "floor", "channel ~3000000"),
                    ("weft", "weft", f"channel ~3000000 {threads}"),
                    ("tokio", "tokio", f"channel ~500000 {threads}"),
                    ("go", "go", f"channel ~500000 {one_or_two}"),
                    ("asio", "asio", f"channel ~300000 {threads}"),
                ],
                cpus=int(one_or_two),
            )
            yield self.micro(
                f"mutex{suffix}",
                f"mutex hand-off on one thread, {form}",
                [CPU],
                [Goal(limit), Goal(1, BEST_PEER, suffix="peer")],
                [
                    ("floor", "floor", "mutex ~6000000"),
                    ("weft", "weft", f"mutex ~6000000 {threads}"),
                    ("tokio", "tokio", f"mutex ~1000000 {threads}"),
                    ("go", "go", f"mutex ~1000000 {one_or_two}"),
                ],
                cpus=int(one_or_two),
            )
        parked = [Goal(1, "futex"), Goal(1, "futex", CPU_US, "cpu"), Goal(1, BEST_PEER, suffix="peer")]
        yield self.micro(
            "channel-cross",
            "channel round trip across two pinned threads that sleep, wall time",
            [WALL_US, CPU_US, SLEEPS],
            parked,
            [
                ("futex", "floor", "futex ~20000"),
                ("weft", "weft", "channel-cross ~20000 0"),
                ("tokio", "tokio", "channel-cross ~20000 0"),
                ("go", "go", "channel-cross ~20000"),
                ("asio", "asio", "channel-cross ~20000 0"),
                ("libuv", "libuv", "channel-cross ~20000 0"),
            ],
            cpus=2,
        )
        yield self.micro(
            "mutex-cross",
            "mutex hand-off across two pinned threads that sleep, wall time",
            [WALL_US, CPU_US, SLEEPS],
            parked,
            [
                ("futex", "floor", "futex ~20000 1"),
                ("weft", "weft", "mutex-cross ~40000 0"),
                ("tokio", "tokio", "mutex-cross ~40000 0"),
            ],
            cpus=2,
        )
        yield self.micro(
            "channel-cross-awake",
            "channel round trip across two pinned threads that never sleep, wall time",
            [WALL, CPU, SLEEPS],
            [Goal(600), Goal(1, BEST_PEER, suffix="peer")],
            [
                ("spin", "floor", "spin ~1000000"),
                ("weft", "weft", "channel-cross ~200000 1"),
                ("tokio", "tokio", "channel-cross ~100000 1"),
                ("asio", "asio", "channel-cross ~50000 1"),
                ("libuv", "libuv", "channel-cross ~20000 1"),
            ],
            cpus=2,
        )
        yield self.micro(
            "mutex-cross-awake",
            "mutex hand-off across two pinned threads that never sleep, wall time",
            [WALL, CPU, SLEEPS],
            [Goal(600), Goal(1, BEST_PEER, suffix="peer")],
            [
                ("weft", "weft", "mutex-cross ~400000 1"),
                ("tokio", "tokio", "mutex-cross ~200000 1"),
            ],
            cpus=2,
        )
        yield self.micro(
            "wake",
            "from a wake to the task going on, on a pinned thread that sleeps",
            [P50, P99, P999, SLEEPS],
            [Goal(1, "futex"), Goal(1, BEST_PEER, P99, "p99")],
            [
                ("futex", "floor", "wake ~3000"),
                ("weft", "weft", "wake ~3000"),
                ("tokio", "tokio", "wake ~1000"),
                ("go", "go", "wake ~1000"),
                ("asio", "asio", "wake ~3000"),
                ("libuv", "libuv", "wake ~3000"),
            ],
            cpus=2,
            seconds=0.8,
        )
        yield self.micro(
            "idle-cpu",
            "CPU of an idle runtime of two threads in a second",
            [CPU_US],
            [Goal(1000), Goal(1, BEST_PEER, suffix="peer")],
            [
                ("weft", "weft", "idle-cpu ~1000"),
                ("tokio", "tokio", "idle-cpu ~1000"),
                ("go", "go", "idle-cpu ~1000"),
                ("asio", "asio", "idle-cpu ~1000"),
            ],
            cpus=2,
            seconds=1.1,
            most_rounds=5,
        )

    def fork_join(self):
        for threads, metrics, limit, second in ((1, [CPU], 22, 18), (2, [WALL, CPU], 10, 9)):
            floors = [("floor", "floor", "fib ^32"), ("serial C", "floor", "serial-fib ^36")] if threads == 1 else []
            weft = [("weft", "weft", "fib ^30 0"), ("weft runtime", "weft", "fib ^30 1")]
            yield self.micro(
                f"fib-{threads}t",
                f"fib, {threads} thread{'s' * (threads > 1)}, a call" + ", wall time" * (threads > 1),
                metrics,
                [Goal(limit), Goal(second, suffix="second"), Goal(1, BEST_PEER, suffix="peer")],
                [
                    *floors,
                    *(weft if threads == 1 else [("weft", "weft", "fib ^30 2")]),
                    ("rayon", "rayon", f"fib ^35 {threads}"),
                    ("tbb", "tbb", f"fib ^30 {threads}"),
                    ("tokio", "tokio", f"fib ^26 {threads}"),
                    ("go", "go", f"fib ^26 {threads}"),
                ],
                cpus=threads,
            )
        for threads, metrics, limit, second in ((1, [CPU], 38, 30), (2, [WALL, CPU], 20, 16)):
            floors = [("floor", "floor", "skynet %1000000")] if threads == 1 else []
            weft = [("weft", "weft", "skynet %1000000 0"), ("weft runtime", "weft", "skynet %1000000 1")]
            yield self.micro(
                f"skynet-{threads}t",
                f"skynet, a million leaves, {threads} thread{'s' * (threads > 1)}, a task"
                + ", wall time" * (threads > 1),
                metrics,
                [Goal(limit), Goal(second, suffix="second"), Goal(1, BEST_PEER, suffix="peer")],
                [
                    *floors,
                    *(weft if threads == 1 else [("weft", "weft", "skynet %1000000 2")]),
                    ("rayon", "rayon", f"skynet %1000000 {threads}"),
                    ("tbb", "tbb", f"skynet %1000000 {threads}"),
                    ("tokio", "tokio", f"skynet %1000000 {threads}"),
                    ("go", "go", f"skynet %1000000 {threads}"),
                ],
                cpus=threads,
            )

        for threads, metrics in ((1, [CPU]), (2, [WALL, CPU])):
            floors = [("floor", "floor", "queens 12")] if threads == 1 else []
            weft = [("weft", "weft", "queens 12 0"), ("weft runtime", "weft", "queens 12 1")]
            yield self.micro(
                f"queens-{threads}t",
                f"twelve queens, {threads} thread{'s' * (threads > 1)}, a place that is tried"
                + ", wall time" * (threads > 1),
                metrics,
                [Goal(1, BEST_PEER)],
                [
                    *floors,
                    *(weft if threads == 1 else [("weft", "weft", "queens 12 2")]),
                    ("rayon", "rayon", f"queens 12 {threads}"),
                    ("tbb", "tbb", f"queens 12 {threads}"),
                ],
                cpus=threads,
            )

    def timers(self):
        yield self.micro(
            "sleepers",
            "a million tasks that sleep for a part of a second",
            [CPU_SECONDS, WALL_SECONDS, PEAK],
            [
                Goal(0.8),
                Goal(200, metric=PEAK, suffix="memory"),
                Goal(1.3, metric=WALL_SECONDS, suffix="wall"),
                Goal(1, BEST_PEER, suffix="peer"),
            ],
            [(c, c, "sleepers ~1000000") for c in ("floor", "weft", "tokio", "go", "asio", "libuv")],
            seconds=3,
            most_rounds=5,
        )
        sizes = {"floor": 500_000, "weft": 500_000, "tokio": 200_000, "go": 200_000, "asio": 200_000, "libuv": 200_000}
        yield self.micro(
            "timer",
            "timer insert + cancel, 100,000 live",
            [CPU],
            [Goal(120), Goal(1, BEST_PEER, suffix="peer")],
            [(c, c, f"timer ~{n} 100000") for c, n in sizes.items()],
        )
        yield self.micro(
            "timeout",
            "a yield under a timeout that is not reached, beside 100,000 sleeping tasks",
            [CPU],
            [Goal(1, BEST_PEER)],
            [(c, c, f"timeout ~{n} 100000") for c, n in sizes.items() if c not in ("floor", "libuv")],
        )
        yield self.micro(
            "idle-task",
            "memory of a sleeping task, of 100,000",
            [BYTES],
            [Goal(160), Goal(1, BEST_PEER, suffix="peer")],
            [(c, c, "idle ~100000") for c in ("floor", "weft", "tokio", "go", "asio", "libuv")],
            most_rounds=3,
            exact=True,
        )
        yield self.micro(
            "cancel",
            "cancelling one of 10,000 pending reads",
            [CPU],
            [Goal(1, "floor"), Goal(1, BEST_PEER, suffix="epoll-peer", of="weft epoll")],
            [
                ("floor", "floor", "cancel ~10000"),
                ("weft", "weft", "cancel ~10000", {"WEFT_IO": "uring"}),
                ("weft epoll", "weft", "cancel ~10000", {"WEFT_IO": "epoll"}),
                ("tokio", "tokio", "cancel ~10000"),
                ("go", "go", "cancel ~10000"),
                ("asio", "asio", "cancel ~10000"),
                ("libuv", "libuv", "cancel ~10000"),
            ],
        )
        yield self.micro(
            "fair",
            "how late a thousand polite tasks wake beside a greedy one, 1 thread",
            [P99, P50, P999],
            [Goal(1, BEST_PEER)],
            [(c, c, "fair 1000 ~1000") for c in ("weft", "tokio", "go", "asio")],
            seconds=1.1,
            most_rounds=5,
        )

    # Servers that are loaded.

    def echo_servers(self):
        """Contender to (command for a port, environment)."""
        gcc = self.builds.program
        echo = "examples/echo/weft-echo"
        peer = self.peers.program
        return {
            "raw io_uring": (lambda p: [gcc("gcc", "bench/raw_uring"), p], None),
            "raw epoll": (lambda p: [gcc("gcc", "bench/raw_epoll"), p], None),
            "weft": (lambda p: [gcc("gcc", echo), "--port", p], {"WEFT_IO": "uring"}),
            "weft epoll": (lambda p: [gcc("gcc", echo), "--port", p], {"WEFT_IO": "epoll"}),
            "tokio": (lambda p: [peer("tokio", "target/release/tokio_echo"), p, 0], None),
            "tokio multi": (lambda p: [peer("tokio", "target/release/tokio_echo"), p, 1], None),
            "asio": (lambda p: [peer("asio", "asio_echo"), p, "callbacks"], None),
            "asio awaitable": (lambda p: [peer("asio", "asio_echo"), p, "awaitable"], None),
            "asio io_uring": (lambda p: [peer("asio", "asio_echo_uring"), p, "callbacks"], None),
            "libuv": (lambda p: [peer("libuv", "uv_echo"), p], None),
            "go": (lambda p: [peer("go", "go_echo"), p, 1], None),
        }

    ECHO_FLOORS = ["raw io_uring", "raw epoll"]

    @staticmethod
    def failing(why):
        def fail():
            raise why

        return fail

    def up(self, stack, servers, sample):
        """Starts all; the idle ones cost nothing. A server that does not start is its contender's error."""
        samplers, running = {}, []
        for contender, (command, environment) in servers.items():
            try:
                server = stack.enter_context(served(command, environment, core=self.server_core))
            except Unmeasurable as why:
                samplers[contender] = self.failing(why)
            else:
                running.append(server)
                samplers[contender] = lambda server=server: sample(server)
        return samplers, running

    def echo(self, name, what, metrics, goals, *options):
        def sample(server):
            program = self.builds.program("gcc", "bench/bench_load")
            seconds = ("--warm-up", 0.1, "--seconds", 0.1 if self.quick else 0.5)
            return load(program, server, *options, *seconds, "--pid", server.pid)

        servers = self.echo_servers()
        return Workload(
            name,
            what,
            metrics,
            goals,
            lambda stack: self.up(stack, servers, sample),
            floors=self.ECHO_FLOORS,
            count=len(servers),
            seconds=0.8,
        )

    def echoes(self):
        for connections in (1, 64, 1000):
            for depth in (1, 16):
                deep = f", {depth} deep" if depth > 1 else ""
                yield self.echo(
                    f"echo-{connections}" + f"x{depth}" * (depth > 1),
                    f"TCP echo, {connections:,} connections{deep}, 64 B: server's CPU a request",
                    [SERVER_CPU, P50, P99, P999],
                    [
                        Goal(1.05, "raw io_uring"),
                        Goal(1.05, "raw epoll", suffix="epoll", of="weft epoll"),
                        Goal(1, BEST_PEER, suffix="peer"),
                    ],
                    *("--connections", connections, "--depth", depth),
                )
        for connections, rate in ((1, 5_000), (64, 20_000), (1000, 20_000)):
            yield self.echo(
                f"echo-latency-{connections}",
                f"TCP echo, {connections:,} connections, {rate:,} messages a second in an open load: the latest replies",
                [P999, P99, P50, SERVER_CPU],
                [Goal(1, BEST_PEER), Goal(1, BEST_PEER, suffix="epoll", of="weft epoll")],
                *("--connections", connections, "--rate", rate),
            )

        def count(command):
            program = self.builds.program("gcc", "bench/bench_load")

            def counted(requests):
                return counted_load(command, program, requests, "--connections", 64)

            return {"instructions": slope(counted, 2_000, 12_000)}

        on_epoll = ("raw epoll", "weft epoll", "tokio", "tokio multi", "asio", "asio awaitable", "libuv")
        counted = {c: self.echo_servers()[c][0] for c in on_epoll}
        yield Workload(
            "echo-instructions",
            "TCP echo on epoll, 64 connections: user instructions a request",
            [INSTRUCTIONS],
            [Goal(150, of="weft epoll"), Goal(1, BEST_PEER, suffix="peer", of="weft epoll")],
            lambda _: ({c: lambda command=command: count(command) for c, command in counted.items()}, []),
            floors=["raw epoll"],
            count=len(counted),
            seconds=8,
            most_rounds=1,
            exact=True,
        )

        connections = 500 if self.quick else 10_000

        def rest(command, environment):
            with served(command, environment, core=self.server_core) as server:
                program = self.builds.program("gcc", "bench/bench_load")
                return load(program, server, "--connections", connections, "--idle", 1, "--pid", server.pid)

        servers = self.echo_servers()
        echo = self.builds.program("gcc", "examples/echo/weft-echo")
        for contender, back_end in (("weft", "uring"), ("weft epoll", "epoll")):
            servers[f"{contender}, own buffer"] = servers[contender]
            servers[contender] = (lambda p: [echo, "--lease", "--port", p], {"WEFT_IO": back_end})
        yield Workload(
            "idle-connection",
            "user memory of an idle connection, of 10,000, after an echo on each",
            [BYTES],
            [
                Goal(300),
                Goal(300, suffix="epoll", of="weft epoll"),
                Goal(1, BEST_PEER, suffix="peer"),
            ],
            lambda _: ({c: lambda how=how: rest(*how) for c, how in servers.items()}, []),
            floors=self.ECHO_FLOORS,
            count=len(servers),
            seconds=2.5,
            most_rounds=2,
            exact=True,
        )

    def kv(self):
        for operation, depth in KV_LOADS:

            def contenders(stack, operation=operation, depth=depth):
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                commands = kv_servers(self.builds.program("gcc", "examples/kv/weft-kv"), folder)
                share = 0.1 if self.quick else 1
                return self.up(
                    stack,
                    {
                        "redis-server": (commands["redis-server"], None),
                        "weft": (commands["weft"], {"WEFT_IO": "uring"}),
                        "weft epoll": (commands["weft"], {"WEFT_IO": "epoll"}),
                    },
                    lambda server: {"server_cpu_us": kv_cpu(server, operation, depth, share)},
                )

            yield Workload(
                f"kv-{operation.lower()}-p{depth}",
                f"weft-kv under redis-benchmark, 50 clients, {operation}, {depth} deep: CPU a request",
                [SERVER_CPU],
                [Goal(1, BEST_PEER)],
                contenders,
                count=3,
                seconds=0.9,
            )
