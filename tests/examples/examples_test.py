#!/usr/bin/env python3
"""The small examples as processes: each does what its header says.

    examples_test.py <name> <program>
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from processes import connect, free_port, receive, running


def usage(program, *wrong):
    run = subprocess.run([program, *wrong], stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    assert run.returncode == 2 and run.stderr.startswith("usage:"), f"{wrong}: {run.returncode}, {run.stderr!r}"


def lines(program, *arguments):
    run = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True, timeout=100, check=False)
    assert run.returncode == 0, f"it ended with {run.returncode}"
    return run.stdout.splitlines()


def proxy(program):
    usage(program)
    usage(program, "127.0.0.1:1", "nowhere")
    usage(program, "127.0.0.1:1", "127.0.0.1:2", "0")
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(20)
        address = f"127.0.0.1:{target.getsockname()[1]}"
        with running(program, f"127.0.0.1:{port}", address, "1") as server:
            # Both directions, more than fits into a buffer, and an end that leaves the other direction open.
            client = connect(port, server)
            peer = target.accept()[0]
            message = bytes(range(256)) * 400
            threading.Thread(target=client.sendall, args=(message,)).start()
            assert receive(peer, len(message)) == message
            client.shutdown(socket.SHUT_WR)
            assert peer.recv(1) == b""
            peer.sendall(b"still here")
            peer.close()
            assert receive(client, 10) == b"still here"
            assert client.recv(1) == b""
            client.close()
            # Who is silent for too long is let go, in both directions.
            client = connect(port, server)
            peer = target.accept()[0]
            client.sendall(b"x")
            assert receive(peer, 1) == b"x"
            peer.settimeout(20)
            assert peer.recv(1) == b"" and client.recv(1) == b""
            # And others are served as before.
            again = connect(port, server)
            again.sendall(b"y")
            assert receive(target.accept()[0], 1) == b"y"
    port = free_port()
    with running(program, f"127.0.0.1:{port}", address) as server:  # nobody is there any more
        with connect(port, server) as client:
            assert client.recv(1) == b""


def words(program):
    usage(program)
    with tempfile.TemporaryDirectory() as root:
        expected = {"one": 0, "two": 0}
        for i in range(20):
            folder = f"{root}/{i % 4}/{i % 3}"
            os.makedirs(folder, exist_ok=True)
            # Longer than the buffer of a read, so that words stand across its border.
            with open(f"{folder}/{i}.txt", "w", encoding="ascii") as file:
                file.write("one Two, " * (9000 + i))
            expected["one"] += 9000 + i
            expected["two"] += 9000 + i
        got = [line.split() for line in lines(program, root)]
        total = sum(expected.values())
        assert got == [[str(n), word] for word, n in expected.items()] + [f"{total} words in 20 files".split()], got
    missing = subprocess.run([program, root], stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    assert missing.returncode == 1 and missing.stderr.endswith("weft-words: not found\n"), missing.stderr


def ticker(program):
    usage(program, "soon")
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([program, "1"], stdout=subprocess.PIPE, text=True) as service:
            said = []
            for line in service.stdout:
                said.append(line.rstrip("\n"))
                if said[-1] == "tick 7":  # it has failed once, and was begun again
                    service.send_signal(number)
            assert service.wait(20) == 0
        assert said[:6] == [f"tick {i}" for i in range(1, 6)] + ["failed; again in a moment"], said
        assert said[-3:] == [f"asked to stop by signal {int(number)}", "goodbye", "ended"], said
    # A second signal ends it at once, if it comes before the goodbye: a machine that others use may be too slow for that.
    for _ in range(10):
        with subprocess.Popen([program, "1"], stdout=subprocess.PIPE, text=True) as service:
            for line in service.stdout:
                if line.startswith(("tick 1\n", "asked")):
                    service.send_signal(signal.SIGINT)
            if service.wait(20) == -signal.SIGINT:
                return
    raise AssertionError("a second signal did not end it")


def chat(program):
    usage(program, "nowhere")
    port = free_port()
    with running(program, f"127.0.0.1:{port}") as server:
        people = [connect(port, server) for _ in range(3)]
        streams = [p.makefile("rw", encoding="ascii", newline="\n") for p in people]

        def says(who, text):
            streams[who].write(text)
            streams[who].flush()

        # They come in one after the other: all are there when the last has been heard.
        for i in (2, 0, 1):
            says(i, f"hello from {i}\n")
            for j in range(3):
                if i != j:
                    assert streams[j].readline() == f"{i + 1}: hello from {i}\n"
        says(0, "two\nlines ")
        says(0, "and half\n")
        for j in (1, 2):
            assert streams[j].readline() == "1: two\n"
            assert streams[j].readline() == "1: lines and half\n"
        says(1, "x" * 1200 + "\n")  # more than one message holds
        got = ""
        while len(got) < 1200:
            got += streams[0].readline().removeprefix("2: ").rstrip("\n")
        assert got == "x" * 1200
        says(2, "I must")  # leaves in the middle of a line, and the others go on
        streams[2].close()
        people[2].close()
        says(0, "still there?\n")
        while (line := streams[1].readline()) != "1: still there?\n":
            assert line, "the end"


def ping(program):
    usage(program)
    usage(program, "--answer", "nowhere")
    # A peer that loses each first question, answers a wrong number first, and is late once.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(20)
        port = peer.getsockname()[1]

        def answers():
            number = 0
            while number < 2:
                question, where = peer.recvfrom(100)
                number = int.from_bytes(question, sys.byteorder)
            peer.sendto((1).to_bytes(4, sys.byteorder), where)
            peer.sendto(b"?", where)
            peer.sendto(question, where)

        other = threading.Thread(target=answers)
        other.start()
        got = lines(program, f"127.0.0.1:{port}")
        other.join()
    assert len(got) == 1 and got[0].startswith(f"127.0.0.1:{port}: try "), got
    assert int(got[0].split()[2].rstrip(",")) >= 2, got
    port, nobody = free_port(), free_port()
    with running(program, "--answer", f"127.0.0.1:{port}"):
        got = sorted(lines(program, *[f"127.0.0.1:{port}"] * 20, f"127.0.0.1:{nobody}"))
    assert sum(f":{port}: try" in line for line in got) == 20, got
    assert f"127.0.0.1:{nobody}: timed out" in got, got


if __name__ == "__main__":
    try:
        {"proxy": proxy, "words": words, "ticker": ticker, "chat": chat, "ping": ping}[sys.argv[1]](sys.argv[2])
    except (AssertionError, OSError) as problem:
        sys.exit(f"FAILED: {problem}")
