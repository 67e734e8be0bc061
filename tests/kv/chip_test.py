#!/usr/bin/env python3
"""examples/kv on a chip without an operating system, under QEMU: the tests of the server that need none of its options,
and those of its disk.

    chip_test.py <kv.elf> [test]...

Every chip has a free port and a disk image of its own. The last line is "N passed, N failed".
"""

import os
import random
import re
import socket
import struct
import subprocess
import sys
import time

import server_test
from resp import Closed
from server_test import change_something, closed, info, state, until
from servers import Server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOOT = os.path.join(ROOT, "examples/kv/chip/boot.sh")
MOST_CLIENTS = 12
SECTOR = 512
IMAGE = None


class Chip(Server):
    def __init__(self, folder=None, disk_bytes=64 << 20, ready=True):
        self.disk_bytes = disk_bytes
        self.start_ready = ready
        super().__init__([BOOT, IMAGE, "{folder}/disk.img", "{port}"], folder=folder)

    def start(self, ready=True):
        if not os.path.exists(self.disk):
            with open(self.disk, "wb") as f:
                f.truncate(self.disk_bytes)
        return super().start(ready and self.start_ready)

    @property
    def disk(self):
        return os.path.join(self.folder, "disk.img")

    def pull_the_plug(self):
        self.process.kill()
        self.process.wait()

    def shut_down(self):
        with self.client() as c:
            c.send("SHUTDOWN")
            closed(c)
        return self.wait()


def cli(chip, *words, give=None):
    done = subprocess.run(["redis-cli", "-p", str(chip.port), *words], input=give, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def redis_cli():
    with Chip() as chip:
        assert cli(chip, "SET", "a", "1") == "OK\n"
        assert cli(chip, "-3", "GET", "a") == "1\n"
        assert cli(chip, "RPUSH", "l", "x", "y") == "2\n"
        assert cli(chip, "LRANGE", "l", "0", "-1") == "x\ny\n"
        assert cli(chip, give="MULTI\nINCR a\nEXEC\nGET a\n").split() == ["OK", "QUEUED", "2", "2"]
        commands = "".join(f"SET key{i} {i}\r\n" for i in range(5000))
        assert "errors: 0, replies: 5000" in cli(chip, "--pipe", give=commands)
        assert "multiplexing_api:lwip" in cli(chip, "INFO")
        assert abs(int(cli(chip, "TIME").split()[0]) - time.time()) < 5, "the chip's clock tells another time"
        assert chip.shut_down() == 0, chip.log_text()


def redis_benchmark():
    with Chip() as chip:
        for pipeline in ("1", "16"):
            done = subprocess.run(
                ["redis-benchmark", "-p", str(chip.port), "-n", "1000", "-c", "8", "-P", pipeline, "-q", "-t"]
                + ["ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange_100,mset"],
                capture_output=True, text=True, timeout=90,
            )
            assert done.returncode == 0 and "rror" not in done.stdout + done.stderr, done
            assert done.stdout.count("requests per second") >= 14, done.stdout


def large_payload():
    """200 kB and more go there and come back, through a restart too."""
    payload = {size: random.Random(size).randbytes(size) for size in (1, 1459, 1460, 1461, 200_000, 1_000_000)}
    with Chip() as chip:
        with chip.client(timeout=30) as c:
            for size, value in payload.items():
                assert c.value("SET", f"p{size}", value) == "OK"
            for size, value in payload.items():
                assert c.value("GET", f"p{size}") == value, size
            assert c.value("SET", "too large", b"x" * (1 << 20 | 1)).startswith("-ERR Protocol error")
        chip.pull_the_plug()
        chip.start()
        with chip.client(timeout=30) as c:
            for size, value in payload.items():
                assert c.value("GET", f"p{size}") == value, size


def restart():
    rng = random.Random(1)
    with Chip() as chip:
        with chip.client() as c:
            for _ in range(1000):
                change_something(c, rng)
        time.sleep(0.05)  # the short deadlines
        before = state(chip)
        assert chip.shut_down() == 0 and before
        chip.start()
        assert state(chip) == before


def power_cuts():
    """Also while the log is rewritten."""

    def rewrite_now_and_then(client, index, number):
        if number % 50 == 0 and index == 0:
            client.value("BGREWRITEAOF")

    with Chip() as chip:
        known, cuts = server_test.killed_again_and_again(
            chip, 25, 25, (0.05, 0.4), clients=6, value_of=lambda n: f"{n} {'x' * (n * 37 % 3000)}", beside=rewrite_now_and_then
        )
        rewritten = chip.log_text().count("The log is rewritten")
        assert rewritten > 0, chip.log_text()
        print(f"    {cuts} power cuts, {sum(known)} writes, the log was rewritten {rewritten} times")


def disks():
    """A disk that is too small, or holds something else, is refused and left as it is; damage is told from a power cut."""

    def refused(chip, why):
        assert chip.wait() == 1 and re.search(why, chip.log_text()), chip.log_text()

    with Chip(disk_bytes=40 * SECTOR, ready=False) as chip:
        refused(chip, "has 40 sectors, and must have")
    with Chip() as chip:
        assert chip.shut_down() == 0
        with open(chip.disk, "r+b") as f:
            for mark in (0, 8):
                f.seek(mark * SECTOR)
                f.write(b"a file system")
        before = open(chip.disk, "rb").read(1 << 20)
        chip.start(ready=False)
        refused(chip, "holds something else")
        assert open(chip.disk, "rb").read(1 << 20) == before, "the refused disk was changed"
    with Chip() as chip:
        with chip.client() as c:
            for i in range(40):
                assert c.value("SET", f"k{i}", "x" * 700) == "OK"
        chip.pull_the_plug()
        whole = open(chip.disk, "rb").read()
        records = [m.start() for m in re.finditer(b"\x77\x76\x6b\x7f", whole) if m.start() % SECTOR == 0]
        assert len(records) == 40, len(records)

        def boot_with(change):
            with open(chip.disk, "r+b") as f:
                f.write(whole)
                change(f)
            chip.start(ready=False)

        def flip(at):
            def change(f):
                f.seek(at)
                f.write(bytes([whole[at] ^ 1]))
            return change

        boot_with(flip(records[-1] + 600))  # the second sector of the last record, as a power cut may leave it
        assert chip.wait_ready(), chip.log_text()
        assert chip.client().value("DBSIZE") == 39
        assert chip.client().value("SET", "after", "1") == "OK"
        chip.pull_the_plug()
        chip.start()
        assert chip.client().value("DBSIZE") == 40
        chip.pull_the_plug()
        boot_with(flip(records[20] + 600))
        refused(chip, "damaged at byte .* good records stand behind")


def full_disk():
    """What does not fit on the disk is refused, and what was acknowledged stays."""
    with Chip(disk_bytes=1 << 20) as chip:
        with chip.client(timeout=30) as c:
            reply, count = "OK", 0
            try:
                while reply == "OK":
                    reply = c.value("SET", f"k{count}", "x" * 4000)
                    count += reply == "OK"
            except (Closed, OSError):
                pass
            assert 80 < count < 130, (count, reply)
        until("the log has failed", lambda: "no space" in chip.log_text())
        chip.pull_the_plug()
        chip.start()
        with chip.client(timeout=30) as c:
            for i in range(count):
                assert c.value("GET", f"k{i}") == b"x" * 4000, i


def blocking():
    with Chip() as chip:
        with chip.client() as a, chip.client() as b, chip.client() as c:
            start = time.monotonic()
            assert a.value("BLPOP", "q", "0.3") is None
            assert 0.2 <= time.monotonic() - start < 3
            for waits, connection, key in (("1", a, "q"), ("2", b, "r")):
                connection.send("BLPOP", key, "q", "0")
                until("it waits", lambda waits=waits: info(chip, "blocked_clients") == waits)
            assert c.value("RPUSH", "q", "1", "2", "3") == 3
            assert a.raw().endswith(b"\r\n1\r\n") and b.raw().endswith(b"\r\n2\r\n")
            assert c.value("LRANGE", "q", 0, -1) == [b"3"]
        gone = chip.client()
        gone.send("BLPOP", "nothing", "0")
        until("it waits", lambda: info(chip, "blocked_clients") == "1")
        gone.close()
        until("it has gone", lambda: info(chip, "blocked_clients") == "0")


def clients():
    """More than there is room for, many after one another, and such that break off."""
    with Chip() as chip:

        def joins():
            c = chip.client()
            try:
                if c.value("PING") == "PONG":
                    return c
            except (Closed, OSError):
                pass
            c.close()

        held = [until("it is served", joins) for _ in range(MOST_CLIENTS)]
        with chip.client() as more:
            assert more.raw() == b"-ERR max number of clients reached\r\n"
        for c in held:
            c.close()
        for i in range(200):
            c = until("it is served", joins)
            if i % 2:
                c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                c.send("SET", "k", "x" * 3000)
            c.close()
        until("all have gone", lambda: info(chip, "connected_clients") == "1")
        slow, publisher = chip.client(), chip.client()
        assert slow("SUBSCRIBE", "news").startswith(b"*3")
        until("the slow one is closed", lambda: publisher.value("PUBLISH", "news", "x" * 100_000) == 0, 30)
        assert "reads its messages too slowly" in chip.log_text()
        with chip.client(timeout=60) as c:  # sends very much before it reads
            c.value("SET", "k", "v" * 1000)
            c.send_raw(b"GET k\r\n" * 3000)
            for _ in range(3000):
                assert len(c.raw()) == 1009


def compare():
    """The replies of redis-server, byte for byte."""
    script = os.path.join(ROOT, "tests/kv/compare.py")
    command = f"sh -c 'truncate -s 64M {{folder}}/disk.img; exec {BOOT} {IMAGE} {{folder}}/disk.img {{port}}'"
    done = subprocess.run([sys.executable, script, IMAGE, "--raw-command", command, "--seeds", "2", "--rounds", "1500", "--with-longer-floats"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    print("    " + done.stdout.splitlines()[-1])


TESTS = [redis_cli, redis_benchmark, large_payload, restart, power_cuts, disks, full_disk, blocking, clients, compare]


def main():
    global IMAGE
    IMAGE = os.path.abspath(sys.argv[1])
    tests = {t.__name__: t for t in TESTS}
    server_test.run_tests(tests, sys.argv[2:] or list(tests))


if __name__ == "__main__":
    main()
