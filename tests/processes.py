"""Servers as processes, for tests that talk with them."""

import contextlib
import signal
import socket
import subprocess
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def connect(port, server):
    """A connection to a server that may not have come up yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            assert server.poll() is None, f"the server ended with {server.returncode}"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.01)


def receive(client, size):
    got = b""
    while len(got) < size:
        part = client.recv(size - len(got))
        assert part, f"the end after {len(got)} of {size} bytes"
        got += part
    return got


@contextlib.contextmanager
def running(*command):
    """The program, for as long as the block lasts; it must not have ended by itself."""
    server = subprocess.Popen(command)
    try:
        yield server
        assert server.poll() is None, f"the server ended with {server.returncode}"
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
