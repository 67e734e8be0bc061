"""Servers: started, loaded, and ended."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import time

from harness.machine import cores, pinned, process_seconds
from harness.programs import CALLGRIND, COUNTED_ENVIRONMENT, Unmeasurable, collected, command_name, line_of, run


def free_port():
    """Below the ports that the system hands out: a client that asks for one of those before its server listens may be
    connected to itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        first_of_clients = int(f.read().split()[0])
    for port in random.sample(range(first_of_clients // 2, first_of_clients), 100):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise Unmeasurable(f"no free port below {first_of_clients}")


class Server:
    def __init__(self, command, port, environment):
        self.name, self.port = command_name(command), port
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
def served(command_for, environment=None, core=None, prefix=()):
    """A server that listens; `command_for(port)` is its command. On one core if there is one given."""
    port = free_port()
    command = [*prefix, *(str(word) for word in command_for(port))]
    try:
        server = Server(command if core is None else pinned(core, command), port, environment or {})
    except FileNotFoundError as missing:
        raise Unmeasurable(f"{missing.filename} is not there") from missing
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        server.end()
        server.errors.close()


def load(program, server, *options, pin=True):
    """What bench_load says of a server."""
    command = [program, str(server.port), *(str(o) for o in options)]
    done = run(pinned(cores()[1], command) if pin else command, timeout=120)
    return line_of(done.stdout, "bench_load")


def counted_load(command_for, load_program, requests, *options):
    """User instructions of an echo server that gets so many requests."""
    with served(command_for, COUNTED_ENVIRONMENT, prefix=CALLGRIND) as s:
        load(load_program, s, "--requests", requests, *options, pin=False)
        return collected(s.end(), s.name)


# Redis's protocol.

KV_LOADS = [(operation, depth) for operation in ("GET", "SET") for depth in (1, 16)]


def kv_servers(weft_kv, folder):
    """Commands of weft-kv and of redis-server, both without persistence."""
    options = ["--appendonly", "no", "--dir", folder]
    redis = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--io-threads", "1"]
    return {
        "redis-server": lambda port: [*redis, "--port", port, *options],
        "weft": lambda port: [weft_kv, "--port", port, *options],
    }


def kv_cpu(server, operation, depth, share=1.0):
    """CPU microseconds a request under redis-benchmark."""
    requests = int((30_000 if depth == 1 else 300_000) * share)
    command = ["redis-benchmark", "-p", server.port, "-t", operation.lower(), "-n", requests]
    command += ["-c", 50, "-P", depth, "--csv"]
    began = process_seconds(server.pid)
    done = run(pinned(cores()[1], [str(c) for c in command]), timeout=120)
    if f'"{operation}"' not in done.stdout:
        raise Unmeasurable(f"redis-benchmark: {(done.stdout + done.stderr).strip()[-200:]}")
    return (process_seconds(server.pid) - began) * 1e6 / requests
