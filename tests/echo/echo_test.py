#!/usr/bin/env python3
"""weft-echo as a process: every client gets back what it sent, whichever way its threads divide the clients.

    echo_test.py <weft-echo>

The last line is "N passed, N failed".
"""

import itertools
import os
import subprocess
import sys
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from processes import connect, free_port, receive, running

CLIENTS = 40
WORKERS = 2


def sockets(pid):
    """What the process has open, by the kernel's numbers."""
    found = []
    folder = f"/proc/{pid}/fd"
    for fd in os.listdir(folder):
        try:
            link = os.readlink(f"{folder}/{fd}")
        except FileNotFoundError:  # closed since
            continue
        if link.startswith("socket:["):
            found.append(link[8:-1])
    return found


def listeners(pid):
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table]
    listening = {row[9] for row in rows if row[3] == "0A"}
    return sum(number in listening for number in sockets(pid))


def serves_all(program, options, expected_listeners):
    port = free_port()
    with running(program, "--port", str(port), *options) as server:
        clients = [connect(port, server) for _ in range(CLIENTS)]
        # What fills a buffer exactly, what does not, and what takes several.
        for size in (1, 64, 4096, 8192, 20_000):
            messages = [bytes((i + k) % 251 for k in range(size)) for i in range(CLIENTS)]
            for client, message in zip(clients, messages):
                client.sendall(message)
            for client, message in zip(clients, messages):
                assert receive(client, size) == message, f"other bytes came back, of {size}"
        assert listeners(server.pid) == expected_listeners
        # Clients that hang up, some in the middle of an echo, leave nothing behind.
        for client in clients[::2]:
            client.sendall(b"x" * 5000)
        for client in clients:
            client.close()
        deadline = time.monotonic() + 20
        while len(sockets(server.pid)) != expected_listeners:
            assert time.monotonic() < deadline, f"{len(sockets(server.pid))} sockets are open still"
            time.sleep(0.01)


def main():
    program = sys.argv[1]
    passed = failed = 0
    ways = ((), 1), (("--workers", str(WORKERS)), WORKERS), (("--workers", str(WORKERS), "--share"), 1)
    for (options, count), lease in itertools.product(ways, ((), ("--lease",))):
        name = " ".join((*options, *lease)) or "no options"
        try:
            serves_all(program, (*options, *lease), count)
            passed += 1
        except (AssertionError, OSError) as problem:
            print(f"FAILED: {name}: {problem}")
            failed += 1
    wrong = subprocess.run([program, "--workers", "0"], stderr=subprocess.PIPE, text=True)
    if wrong.returncode == 2 and wrong.stderr.startswith("usage:"):
        passed += 1
    else:
        print(f"FAILED: --workers 0 ended with {wrong.returncode}: {wrong.stderr}")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
