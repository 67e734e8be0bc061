#!/usr/bin/env python3
"""weft-kv as a process: durability, limits, shutdown, and the clients that people use.

    server_test.py <sync_faults.so> [--hiredis <hiredis_test>] <weft-kv> [test]...
    server_test.py --list

Every server has a free port and a folder of its own. The last line is "N passed, N failed".
"""

import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from resp import Client, Closed, encode
from servers import LITTLE_MEMORY, Server, free_port, weft_kv

TESTS = {}
BINARY = HIREDIS = SYNC_FAULTS = None


def test(f):
    TESTS[f.__name__] = f
    return f


def until(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


def info(server, name):
    with server.client() as c:
        return re.search(rf"^{name}:(.*?)\r$", c.value("INFO").decode(), re.M).group(1)


def kv(*options, folder=None):
    return weft_kv(BINARY, *options, folder=folder)


def restarted(server, *options):
    """Another server on the data of one that has ended."""
    return kv(*options, folder=server.folder)


def fails_to_start(folder, *options):
    """Its exit code and what it says."""
    command = [BINARY, "--port", str(free_port()), "--dir", folder, *LITTLE_MEMORY, *options]
    done = subprocess.run(command, capture_output=True, timeout=20, text=True)
    return done.returncode, done.stderr


def log_path(server):
    return os.path.join(server.folder, "weft-kv.log")


def state(server):
    """All keys with values and times, as one comparable thing."""
    found = {}
    with server.client(timeout=30) as c:
        for key in c.value("KEYS", "*"):
            kind = c.value("TYPE", key)
            read = {
                "string": lambda: c.value("GET", key),
                "list": lambda: tuple(c.value("LRANGE", key, 0, -1)),
                "set": lambda: frozenset(c.value("SMEMBERS", key)),
                "hash": lambda: (lambda f: frozenset(zip(f[::2], f[1::2])))(c.value("HGETALL", key)),
            }[kind]
            found[key] = (kind, read(), c.value("PEXPIRETIME", key))
    return found


def change_something(c, rng):
    """One random command that writes; its reply."""
    key = f"k{rng.randrange(300)}"
    other = f"s{rng.randrange(20)}"
    word = "v" * rng.randrange(200)
    return c.value(
        *rng.choice(
            [
                ("SET", key, word),
                ("SET", key, word, "PX", 10_000_000),
                ("DEL", key),
                ("INCR", f"n{rng.randrange(50)}"),
                ("APPEND", f"a{rng.randrange(20)}", "x"),
                ("RPUSH", f"l{rng.randrange(20)}", word, "b"),
                ("LPOP", f"l{rng.randrange(20)}"),
                ("HSET", f"h{rng.randrange(20)}", rng.randrange(100), word),
                ("HDEL", f"h{rng.randrange(20)}", rng.randrange(100)),
                ("SADD", other, rng.randrange(1000)),
                ("SPOP", other),
                ("SUNIONSTORE", f"u{rng.randrange(5)}", other, f"s{rng.randrange(20)}"),
                ("RENAME", key, f"k{rng.randrange(300)}"),
                ("PEXPIRE", key, rng.choice([1, 20, 5_000_000])),
                ("RPOPLPUSH", f"l{rng.randrange(20)}", f"l{rng.randrange(20)}"),
            ]
        )
    )


@test
def options():
    for wrong, says in [
        (["--prot", "1"], "no option --prot"),
        (["--port"], "needs a port"),
        (["--port", "65536"], "must be a port"),
        (["--memory", "much"], "must be a number of bytes"),
        (["--appendfsync", "sometimes"], "always, everysec or no"),
        (["--port", "0"], "no way to the server"),
    ]:
        done = subprocess.run([BINARY, *wrong], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and says in done.stderr, (wrong, done)
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True, timeout=10).stdout
    for name in ("--max-clients", "--query-buffer", "--max-value", "--subscriber-output", "--memory", "--repair-log"):
        assert name in text, name


@test
def redis_cli():
    with kv("--unixsocket", "{folder}/socket") as s:
        path = os.path.join(s.folder, "socket")
        for where in (["-p", str(s.port)], ["-s", path], ["-3", "-p", str(s.port)]):

            def cli(*words, give=None):
                done = subprocess.run(
                    ["redis-cli", *where, *words], input=give, capture_output=True, text=True, timeout=10, check=True
                )
                return done.stdout

            assert cli("SET", "a", "1") == "OK\n"
            assert cli("GET", "a") == "1\n"
            assert cli("RPUSH", "l" + where[1], "x", "y") == "2\n"
            assert cli("LRANGE", "l" + where[1], "0", "-1") == "x\ny\n"
            assert cli(give="MULTI\nINCR a\nEXEC\nGET a\n").split() == ["OK", "QUEUED", "2", "2"]
            commands = "".join(f"SET key{i} {i}\r\n" for i in range(20000))
            assert "errors: 0, replies: 20000" in cli("--pipe", give=commands)
            assert "role:master" in cli("INFO")
        assert s.stop() == 0
        assert not os.path.exists(path)


@test
def redis_benchmark():
    with kv("--appendonly", "no") as s:
        for pipeline in ("1", "16"):
            done = subprocess.run(
                ["redis-benchmark", "-p", str(s.port), "-n", "5000", "-c", "50", "-P", pipeline, "-q", "-t"]
                + ["ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange_100,mset"],
                capture_output=True, text=True, timeout=60,
            )
            assert done.returncode == 0 and "rror" not in done.stdout + done.stderr, done
            assert done.stdout.count("requests per second") >= 14, done.stdout


@test
def hiredis():
    if not HIREDIS:
        return print("    left out: there is no hiredis_test")
    with kv() as s:
        done = subprocess.run([HIREDIS, str(s.port)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@test
def restart():
    """What was written is there again after an orderly end, deadlines too."""
    rng = random.Random(1)
    with kv() as s:
        with s.client() as c:
            for _ in range(3000):
                change_something(c, rng)
        time.sleep(0.05)  # the short deadlines
        before = state(s)
        assert s.stop() == 0 and before
        with restarted(s) as again:
            assert state(again) == before
            with again.client() as c:
                c("SET", "more", "1")
            assert again.stop() == 0
        with restarted(s) as third:
            assert third.client().value("GET", "more") == b"1"


def killed_again_and_again(s, rounds, seconds, pauses, clients=8, value_of=str, beside=None):
    """Nothing that was acknowledged is lost, whenever the server dies. `value_of`: what is written for a number, which its
    first word is; `beside(client, index, number)` is called after each write. The last numbers, and how often it was killed."""
    rng = random.Random(2)
    deadline = time.monotonic() + seconds
    known = [0] * clients  # the last acknowledged number of each client
    kills = 0
    while kills < rounds and time.monotonic() < deadline:

        def write(index):
            try:
                with s.client() as c:
                    while True:
                        number = known[index] + 1
                        if c.value("SET", f"client{index}", value_of(number)) != "OK":
                            return
                        known[index] = number
                        if beside:
                            beside(c, index, number)
            except (OSError, Closed):
                pass

        threads = [threading.Thread(target=write, args=(i,)) for i in range(clients)]
        for t in threads:
            t.start()
        time.sleep(rng.uniform(*pauses))
        s.process.kill()
        s.process.wait()
        for t in threads:
            t.join()
        s.start()
        with s.client() as c:
            for index, number in enumerate(known):
                value = (c.value("GET", f"client{index}") or b"0").decode()
                found = int(value.split()[0])
                assert found in (number, number + 1), (kills, index, number, found)
                assert found == 0 or value == value_of(found), "a value was torn"
                known[index] = found
        kills += 1
    assert kills >= 5 and min(known) > 0, (kills, known)
    return known, kills


def killed_under(policy, seconds):
    with kv("--appendfsync", policy, "--rewrite-min-size", "20kb", "--rewrite-growth", "20") as s:
        known, kills = killed_again_and_again(s, 40, seconds, (0.01, 0.15))
        print(f"    {policy}: {kills} kills, {sum(known)} writes, {info(s, 'aof_current_size')} bytes of log at the end")


@test
def kill_9():
    killed_under("always", 20)


@test
def kill_9_without_always():
    """What was acknowledged is in the system's hands, which the end of the process does not touch."""
    for policy in ("everysec", "no"):
        killed_under(policy, 10)


@test
def truncated_tail():
    with kv("--appendfsync", "always") as s:
        with s.client() as c:
            for i in range(100):
                c("SET", f"k{i}", "x" * i)
        s.process.kill()
        s.process.wait()
        size = os.path.getsize(log_path(s))
        for cut in (1, 7, 60):
            size -= cut
            os.truncate(log_path(s), size)
            with restarted(s) as again:
                keys = again.client().value("DBSIZE")
                assert 95 <= keys < 100, keys
                assert "are cut off" in again.log_text()
                size = os.path.getsize(log_path(s))
                assert again.client().value("SET", "k0", "after") == "OK"
                again.stop()
            with restarted(s) as third:
                assert third.client().value("GET", "k0") == b"after"
                third.stop()
            size = os.path.getsize(log_path(s))
        with open(log_path(s), "ab") as f:  # what a file system may leave at the end
            f.write(bytes(4096))
        with restarted(s) as last:
            assert last.client().value("GET", "k0") == b"after"


@test
def damaged_middle():
    with kv("--appendfsync", "always") as s:
        with s.client() as c:
            for i in range(100):
                c("SET", f"k{i}", "x" * 100)
        s.stop()
        with open(log_path(s), "r+b") as f:
            f.seek(os.path.getsize(log_path(s)) // 2)
            f.write(b"damage")
        damaged = open(log_path(s), "rb").read()
        code, says = fails_to_start(s.folder)
        assert code == 1 and "damaged at byte" in says and "--repair-log" in says, says
        assert open(log_path(s), "rb").read() == damaged, "a refused log was changed"
        with restarted(s, "--repair-log") as again:
            assert 40 <= again.client().value("DBSIZE") < 60
            assert open(log_path(s) + ".damaged", "rb").read() == damaged
            again.stop()
        with restarted(s) as third:
            assert 40 <= third.client().value("DBSIZE") < 60
            third.stop()
        with open(log_path(s), "wb") as f:
            f.write(b"something else than a log")
        code, says = fails_to_start(s.folder)
        assert code == 1 and "not a log of this server" in says, says


@test
def one_server_a_directory():
    with kv() as s:
        code, says = fails_to_start(s.folder)
        assert code == 1 and "in use by another server" in says, says


@test
def refuses_to_start():
    """With a sentence that says why, exit code 1, and everything as it was."""
    with kv("--unixsocket", "{folder}/socket") as s:
        path = os.path.join(s.folder, "socket")
        for options, says in [
            (["--port", str(s.port)], "address in use"),
            (["--port", "0", "--unixsocket", path], "address in use"),
            (["--bind", "nonsense"], "invalid argument"),
            (["--bind", "8.8.8.8"], "address not available"),
            (["--dir", log_path(s)], "can't be used"),
            (["--dir", "/proc/nowhere"], "can't be used"),
        ]:
            with tempfile.TemporaryDirectory() as other:
                code, said = fails_to_start(other, *options)
            assert code == 1 and says in said, (options, code, said)
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(path)
            c.sendall(b"PING\r\n")
            assert c.recv(100) == b"+PONG\r\n"
        s.process.kill()  # leaves its socket behind
        s.process.wait()
        with restarted(s, "--unixsocket", path) as again:
            assert again.stop() == 0 and not os.path.exists(path)
        with open(path, "w") as f:
            f.write("of somebody else")
        code, said = fails_to_start(s.folder, "--unixsocket", path)
        assert code == 1 and "address in use" in said, said
        with open(path) as f:
            assert f.read() == "of somebody else"


@test
def idle_end():
    """Nobody has ever come, and nobody is waited for; a second signal ends a server that waits at once."""
    with kv() as s:
        assert s.stop() == 0
        s.start(ready=False)  # to be ready is to have had a client
        until("it serves", lambda: s.log_text().count("Ready to serve") == 2)
        began = time.monotonic()
        assert s.stop() == 0 and time.monotonic() - began < 2
    with kv("--shutdown-timeout", "60", "--appendonly", "no") as s, s.client() as deaf:
        deaf("SET", "k", "v" * 100000)
        deaf.send_raw(encode("GET", "k") * 300)
        time.sleep(0.2)
        s.send_signal(signal.SIGINT)
        until("it ends", lambda: "SIGINT: the server ends" in s.log_text())
        s.send_signal(signal.SIGINT)
        assert s.wait(5) == -signal.SIGINT


@test
def rewrite():
    """Rewriting while clients write loses and doubles nothing."""
    with kv("--rewrite-min-size", "100kb", "--rewrite-growth", "50") as s:
        with s.client() as c:
            c("RPUSH", "large", *range(20000))
            for i in range(20000):
                c.send("SET", f"fill{i}", "x" * 50)
            for i in range(20000):
                c.raw()
        stop = time.monotonic() + 5

        def write(seed):
            rng = random.Random(seed)
            with s.client() as c:
                while time.monotonic() < stop:
                    change_something(c, rng)
                    c.value("RPUSH", "large", rng.random())
                    if rng.random() < 0.0005:
                        c.value("BGREWRITEAOF")
                    if rng.random() < 0.0001:
                        c.value("FLUSHALL")

        threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        s.client()("BGREWRITEAOF")
        until("no rewrite goes on", lambda: info(s, "aof_rewrite_in_progress") == "0", 20)
        assert info(s, "aof_last_bgrewrite_status") == "ok"
        with s.client() as c:
            change_something(c, random.Random(9))
        time.sleep(0.05)
        before = state(s)
        count = s.log_text().count("The log is rewritten")
        assert count >= 2, s.log_text()
        assert s.stop() == 0
        assert not os.path.exists(log_path(s) + ".new")
        with restarted(s) as again:
            after = state(again)
            assert after == before, {k: (before.get(k), after.get(k)) for k in before | after if before.get(k) != after.get(k)}
        print(f"    {count} rewrites, {len(before)} keys")


def answers(s, *words):
    with s.client() as c:
        return c.value(*words)


def refuses_while_the_log_fails(s, policy):
    """Writes always; reads where they could show what a crash would take."""
    until("writes are refused", lambda: answers(s, "SET", "b", "1").startswith("-MISCONF"))
    read = answers(s, "GET", "a")
    assert str(read).startswith("-MISCONF") if policy == "always" else read in (b"1", b"2"), (policy, read)
    assert answers(s, "PING") == "PONG"
    assert info(s, "aof_last_write_status") == "err"
    assert answers(s, "SHUTDOWN") == "-ERR Errors trying to SHUTDOWN. Check logs."
    assert "Commands that write are refused" in s.log_text()


def works_again(s):
    until("writes work again", lambda: answers(s, "SET", "b", "2") == "OK")
    assert info(s, "aof_last_write_status") == "ok"
    assert "The log works again" in s.log_text()


@test
def write_errors():
    """A full disk makes the server read-only; room makes it write again, and nothing acknowledged is lost."""
    for policy in ("always", "everysec", "no"):
        with kv("--appendfsync", policy) as s:
            with s.client() as c:
                assert c.value("SET", "fill", "x" * 100000) == "OK"  # so that the limit leaves room for messages
                assert c.value("SET", "a", "1") == "OK"
                resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (os.path.getsize(log_path(s)), -1))
                first = c.value("SET", "a", "2")
                assert first.startswith("-MISCONF"), (policy, first)
                closed(c)
            refuses_while_the_log_fails(s, policy)
            resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
            works_again(s)
            s.process.kill()
            s.process.wait()
            with restarted(s) as again, again.client() as c:
                assert c.value("MGET", "a", "b") == [b"2", b"2"]


@test
def rewrite_after_write_errors():
    """A rewrite that is asked for while a group can't be written waits for the group."""
    with kv("--appendfsync", "no") as s:
        with s.client() as c:
            c("SET", "fill", "x" * 100000)
            resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (os.path.getsize(log_path(s)), -1))
            c("INCR", "n")
        until("it has failed", lambda: info(s, "aof_last_write_status") == "err")
        assert answers(s, "BGREWRITEAOF").startswith("Background")
        time.sleep(1.5)  # one more try, and the rewrite's
        resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
        until("it is rewritten", lambda: "The log is rewritten" in s.log_text())
        assert answers(s, "INCR", "n") == 2
        assert s.stop() == 0
        with restarted(s) as again:
            assert answers(again, "GET", "n") == b"2"


class Syncs:
    """Counts the syncs of a server, and makes them fail."""

    def __init__(self, folder):
        self.prefix = os.path.join(folder, "syncs")
        self.environment = {"LD_PRELOAD": SYNC_FAULTS, "WEFT_SYNC_FAULTS": self.prefix}

    def count(self):
        try:
            return os.path.getsize(self.prefix + ".count")
        except FileNotFoundError:
            return 0

    def fail(self, fail=True):
        if fail:
            open(self.prefix + ".fail", "w").close()
        else:
            os.remove(self.prefix + ".fail")


def kv_with_syncs(*options):
    folder = tempfile.mkdtemp(prefix="weft-kv-")
    syncs = Syncs(folder)
    s = weft_kv(BINARY, *options, folder=folder, environment=syncs.environment)
    s.own_folder = True
    return s, syncs


@test
def sync_errors():
    """After a failed sync the old log is trusted no more: a new one is made from what is in memory."""
    for policy in ("always", "everysec"):
        s, syncs = kv_with_syncs("--appendfsync", policy)
        with s:
            assert answers(s, "SET", "a", "1") == "OK"
            until("it syncs", lambda: syncs.count() > 0)
            syncs.fail()
            with s.client() as c:
                first = c.value("SET", "a", "2")
                if policy == "always":
                    assert first.startswith("-MISCONF"), first
                    closed(c)
            refuses_while_the_log_fails(s, policy)
            assert "Syncing the log failed" in s.log_text()
            syncs.fail(False)
            works_again(s)
            assert "The log is rewritten" in s.log_text()
            s.process.kill()
            s.process.wait()
            with restarted(s) as again, again.client() as c:
                assert c.value("MGET", "a", "b") == [b"2", b"2"]


@test
def shutdown():
    with kv() as s, s.client() as c:
        for wrong in (["SOON"], ["SAVE", "NOSAVE"], ["ABORT", "NOW"], ["ABORT", "SAVE"]):
            assert c.value("SHUTDOWN", *wrong) == "-ERR syntax error", wrong
        assert c.value("SHUTDOWN", "ABORT") == "-ERR No shutdown in progress."
        c.value("MULTI")
        assert c.value("SHUTDOWN").startswith("-ERR Command not allowed inside a transaction")
    for words, synced in (["SAVE"], 1), (["NOSAVE"], 0), (["NOSAVE", "NOW"], 0), ([], 1), (["NOW", "FORCE"], 1):
        s, syncs = kv_with_syncs("--appendfsync", "no")
        with s:
            before = syncs.count()
            with s.client() as c:
                assert c.value("SET", "a", "1") == "OK"
                c.send("SHUTDOWN", *words)
                closed(c)
            assert s.wait() == 0
            assert syncs.count() == before + synced, (words, before, syncs.count())
            with restarted(s) as again:
                assert answers(again, "GET", "a") == b"1"
    with kv("--appendfsync", "no") as s:  # FORCE gives up what can't be written
        assert answers(s, "SET", "fill", "x" * 100000) == "OK"
        resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (os.path.getsize(log_path(s)), -1))
        answers(s, "SET", "a", "1")
        until("it has failed", lambda: info(s, "aof_last_write_status") == "err")
        with s.client() as c:
            c.send("SHUTDOWN", "FORCE")
            closed(c)
        assert s.wait() == 1 and "The last changes are not in the log" in s.log_text()


def while_it_loads(s, look):
    """Starts the server anew, looks at it while its log is loaded, and waits for the end of that."""
    s.start(ready=False)
    with until("it listens", s.client_if_any) as c:
        found = look(c)
    assert s.wait_ready(), s.log_text()
    return found


def how_far(c):
    """What INFO says of the loading, how much is loaded and of how much; None before the size of the log is known."""
    said = c.value("INFO", "persistence").decode()
    loaded, size = (int(re.search(rf"loading_{w}_bytes:(\d+)", said).group(1)) for w in ("loaded", "total"))
    return (said, loaded, size) if size else None


@test
def loading():
    """Clients are told so meanwhile, and people, once a second."""
    with kv("--appendfsync", "no") as s:
        subprocess.run(
            ["redis-benchmark", "-p", str(s.port), "-t", "set", "-n", "600000", "-r", "1000000", "-P", "500", "-q"],
            check=True, capture_output=True, timeout=120,
        )
        keys = answers(s, "DBSIZE")
        assert s.stop() == 0

        def look(c):
            replies = [c.value(*words) for words in (["GET", "a"], ["PING"], ["SET", "a", "1"], ["BGREWRITEAOF"])]
            assert replies == ["-LOADING Redis is loading the dataset in memory"] * 4, replies
            assert c.value("ECHO", "x") == b"x" and c.value("CONFIG", "GET", "port")[0] == b"port"
            assert c.value("SUBSCRIBE", "news")[2] == 1 and c.value("RESET") == "RESET"
            assert c.value("MULTI") == "OK" and c.value("GET", "a").startswith("-LOADING")
            assert c.value("EXEC").startswith("-EXECABORT")
            said, loaded, size = until("it knows the log's size", lambda: how_far(c))
            assert "loading:1" in said and 0 <= loaded <= size == os.path.getsize(log_path(s)), said
            s.send_signal(signal.SIGSTOP)  # a disk that takes its time
            time.sleep(1.2)
            s.send_signal(signal.SIGCONT)

        while_it_loads(s, look)
        progress = re.findall(r"Loading the log: (\d+) % of (\d+) MB, \d+ MB/s", s.log_text())
        assert progress and 0 <= int(progress[0][0]) < 100, s.log_text()
        assert answers(s, "DBSIZE") == keys and info(s, "loading") == "0"
        assert s.stop() == 0
        before = open(log_path(s), "rb").read()
        for end in (lambda c: s.send_signal(signal.SIGTERM), lambda c: c.send("SHUTDOWN")):
            s.start(ready=False)
            with until("it listens", s.client_if_any) as c:
                assert c.value("PING").startswith("-LOADING")
                end(c)
                closed(c)
            assert s.wait() == 0, s.log_text()
        assert open(log_path(s), "rb").read() == before, "the log was changed"


@test
def loads_with_little_memory():
    """A long log takes no memory of the clients', and less memory than the keys need is an error that says so."""
    with kv("--log-memory", "4mb", "--appendfsync", "no") as s:
        with s.client() as c:
            for size in range(1_000_000, 1_900_000, 300_000):  # records of nearly half of it
                assert c.value("SET", f"k{size}", "x" * size) == "OK"
            for i in range(3000):
                c.send("SET", f"k{i}", "x" * 1000)
            for i in range(3000):
                c.raw()
        assert s.stop() == 0
        with restarted(s, "--log-memory", "4mb", "--client-memory", "1mb") as again:
            assert answers(again, "DBSIZE") == 3003
            assert again.stop() == 0
        code, said = fails_to_start(s.folder, "--memory", "2mb")
        assert code == 1 and "is --memory less than it was?" in said, said
        code, said = fails_to_start(s.folder, "--log-memory", "1mb")
        assert code == 1 and "does not fit into --log-memory" in said, said


@test
def blocking():
    with kv() as s:
        with s.client() as a, s.client() as b, s.client() as c:
            start = time.monotonic()
            assert a.value("BLPOP", "q", "0.3") is None
            assert 0.29 <= time.monotonic() - start < 2
            a.send("BLPOP", "q", "0")
            until("a waits", lambda: info(s, "blocked_clients") == "1")
            b.send("BRPOP", "r", "q", "0")
            until("b waits", lambda: info(s, "blocked_clients") == "2")
            assert c.value("RPUSH", "q", "1", "2", "3") == 3
            assert a.raw() == b"*2\r\n$1\r\nq\r\n$1\r\n1\r\n"  # the longest waiting first
            assert b.raw() == b"*2\r\n$1\r\nq\r\n$1\r\n3\r\n"
            assert c.value("LRANGE", "q", 0, -1) == [b"2"]
            c("DEL", "q")
            # What is sent behind a command that waits is executed after it.
            a.send_raw(encode("BLPOP", "q", "0") + encode("PING") + encode("LLEN", "q"))
            until("a waits", lambda: info(s, "blocked_clients") == "1")
            c("RPUSH", "q", "x", "y")
            assert a.raw().endswith(b"x\r\n") and a.raw() == b"+PONG\r\n" and a.raw() == b":1\r\n"
            c("DEL", "q")
        # Whoever has gone gets nothing.
        gone = s.client()
        gone.send("BLPOP", "q", "0")
        until("it waits", lambda: info(s, "blocked_clients") == "1")
        gone.close()
        until("it has gone", lambda: info(s, "blocked_clients") == "0")
        with s.client() as c:
            assert c.value("RPUSH", "q", "1") == 1
            assert c.value("LLEN", "q") == 1
            c("DEL", "q")
        # Many waiters, first come, first served.
        waiters = []
        for i in range(50):
            waiters.append(s.client())
            waiters[i].send("BLPOP", "q", "0")
            until("another waits", lambda: info(s, "blocked_clients") == str(i + 1))
        with s.client() as c:
            for i in range(50):
                c("RPUSH", "q", i)
            for i, w in enumerate(waiters):
                assert w.raw().endswith(b"\r\n%d\r\n" % i)
                w.close()


@test
def slow_subscriber():
    """It is closed, and costs the others nothing."""
    with kv("--subscriber-output", "1mb") as s:
        slow, quick, publisher = s.client(), s.client(), s.client()
        for c in (slow, quick):
            assert c("SUBSCRIBE", "news").startswith(b"*3")
        message, heard = "x" * 1000, 0
        for _ in range(30000):
            count = publisher.value("PUBLISH", "news", message)
            assert quick.raw().endswith(b"x\r\n")
            heard += 1
            if count == 1:
                break
        assert count == 1, "the slow one is still there"
        assert "reads its messages too slowly" in s.log_text()
        assert int(info(s, "connected_clients")) <= 3
        try:
            while slow.raw():
                pass
        except (Closed, OSError):
            pass


@test
def large_pipeline():
    """A client may send very much before it reads."""
    with kv("--appendonly", "no") as s, s.client(timeout=30) as c:
        c("SET", "k", "v" * 1000)
        count = 60000
        c.send_raw(encode("GET", "k") * count)  # 60 MB of replies
        for _ in range(count):
            assert len(c.raw()) == 1009


@test
def limits():
    with kv("--max-clients", "3", "--appendonly", "no") as s:

        def joins():
            c = s.client()
            try:
                if c.value("PING") == "PONG":
                    return c
            except (Closed, OSError):
                pass
            c.close()

        clients = [until("it is served", joins) for _ in range(3)]
        with s.client() as fourth:
            assert fourth.raw() == b"-ERR max number of clients reached\r\n"
        clients.pop().close()
        until("there is room again", joins).close()
    with kv("--query-buffer", "100kb", "--max-value", "1mb", "--max-inline", "2kb", "--max-arguments", "100") as s:
        with s.client() as c:
            c.send_raw(b"*2\r\n$3\r\nGET\r\n$200000\r\n" + b"x" * 200000)
            assert b"query buffer" in c.raw()
            closed(c)
        until("it is in the log", lambda: "query buffer is full" in s.log_text())
        for bad in (b"*2\r\n$3\r\nGET\r\n$2000000\r\n", b"*101\r\n", b"x" * 4000):
            with s.client() as c:
                c.send_raw(bad)
                assert c.raw().startswith(b"-ERR Protocol error"), bad
                closed(c)
    with kv("--max-queued-commands", "10", "--max-watched-keys", "2", "--max-subscriptions", "2") as s:
        with s.client() as c:
            c("MULTI")
            replies = [c("PING") for _ in range(11)]
            assert replies[9] == b"+QUEUED\r\n" and b"too large" in replies[10]
            assert c("EXEC").startswith(b"-EXECABORT")
            assert b"too many watched" in c("WATCH", "a", "b", "c")
            c.send("SUBSCRIBE", "a", "b", "c")
            assert [c.raw()[:3] for _ in range(2)] == [b"*3\r"] * 2 and b"too many subscriptions" in c.raw()
    with kv("--memory", "8mb", "--client-output", "1mb", "--appendonly", "no") as s, s.client() as c:
        reply, i = "OK", 0
        while reply == "OK":
            reply, i = c.value("SET", f"k{i}", "x" * 10000), i + 1
        assert reply.startswith("-OOM") and i > 500, (reply, i)
        assert c.value("DEL", *[f"k{n}" for n in range(300)]) == 300
        assert c.value("SET", "k", "x") == "OK"
        c.send("MGET", *[f"k{n}" for n in range(300, 500)])  # 2 MB
        closed(c)
        assert "its output is too large" in s.log_text()


def closed(c):
    try:
        while True:
            c.raw()
    except (Closed, ConnectionResetError):
        return


@test
def descriptors_run_out():
    with kv("--appendonly", "no") as s:
        resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (20, 20))
        with s.client() as first:
            assert first.value("PING") == "PONG"
            crowd = [s.client() for _ in range(30)]
            until("it says so", lambda: "Accepting clients fails" in s.log_text())
            assert first.value("PING") == "PONG"
            for c in crowd:
                c.close()
            until("newcomers are served", lambda: s.client().value("PING") == "PONG")


@test
def ends_of_connections():
    with kv() as s:
        with s.client() as c:
            c.send_raw(encode("PING") + encode("QUIT") + encode("SET", "late", 1))
            assert c.raw() == b"+PONG\r\n" and c.raw() == b"+OK\r\n"
            closed(c)
        with s.client() as c:  # half closed: the answers still come
            c.send_raw(encode("GET", "late") + encode("PING"))
            c.socket.shutdown(socket.SHUT_WR)
            assert c.raw() == b"$-1\r\n" and c.raw() == b"+PONG\r\n"
            closed(c)
        with s.client() as victim, s.client() as c:
            number = victim.value("CLIENT", "ID")
            victim.send("BLPOP", "nothing", 0)
            until("it waits", lambda: info(s, "blocked_clients") == "1")
            assert c.value("CLIENT", "KILL", "ID", number) == 1
            closed(victim)
            assert c.value("CLIENT", "KILL", "ID", c.value("CLIENT", "ID"), "SKIPME", "no") == 1
            closed(c)
        until("all have gone", lambda: info(s, "connected_clients") == "1")
        with s.client() as c:
            c.send("SHUTDOWN")
            closed(c)
        assert s.wait() == 0


@test
def graceful():
    """A signal under load: what was answered is kept, the end is quick, the exit code 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with kv("--appendfsync", "no") as s:
            known = [0] * 6

            def write(index):
                try:
                    with s.client() as c:
                        while True:
                            c.send_raw(b"".join(encode("INCR", f"n{index}") for _ in range(10)))
                            for _ in range(10):
                                known[index] = int(c.raw()[1:-2])
                except (OSError, Closed, ValueError):
                    pass

            threads = [threading.Thread(target=write, args=(i,)) for i in range(len(known))]
            for t in threads:
                t.start()
            idle, waiting, subscriber = s.client(), s.client(), s.client()
            waiting.send("BLPOP", "nothing", 0)
            subscriber("SUBSCRIBE", "news")
            until("work goes on", lambda: min(known) > 50)
            began = time.monotonic()
            s.send_signal(number)
            assert s.wait(10) == 0
            assert time.monotonic() - began < 4
            for t in threads:
                t.join()
            for c in (idle, waiting, subscriber):
                closed(c)
            assert "the server ends" in s.log_text() and "Bye" in s.log_text()
            with restarted(s) as again, again.client() as c:
                for index, least in enumerate(known):
                    assert least <= int(c.value("GET", f"n{index}")) <= least + 10, (index, least)
    # A client that takes nothing holds the end up for a bounded time.
    with kv("--shutdown-timeout", "1", "--appendonly", "no") as s, s.client() as deaf:
        deaf("SET", "k", "v" * 100000)
        deaf.send_raw(encode("GET", "k") * 300)
        time.sleep(0.2)
        s.send_signal(signal.SIGTERM)
        assert s.wait(10) == 0
        assert "did not take their replies" in s.log_text()


@test
def deadlines():
    """Keys go by themselves, and stay gone after a restart."""
    with kv() as s:
        with s.client() as c:
            for i in range(2000):
                c.send("SET", f"k{i}", "v", "PX", 1)
            for i in range(2000):
                c.raw()
            c("SET", "stays", "v", "PX", 100000)
        until("they have gone", lambda: s.client().value("DBSIZE") == 1)
        s.stop()
        with restarted(s) as again:
            assert again.client().value("KEYS", "*") == [b"stays"]


@test
def idle_clients_are_small():
    with kv("--appendonly", "no") as s:

        def resident():
            with open(f"/proc/{s.process.pid}/statm") as f:
                return int(f.read().split()[1]) * 4096

        first = [s.client() for _ in range(50)]
        before = resident()
        more = [s.client() for _ in range(400)]
        for c in more:
            c.value("PING")
        each = (resident() - before) / len(more)
        print(f"    {each:.0f} bytes a client")
        assert each < 10000 or "san" in BINARY  # sanitizers take more
        for c in first + more:
            c.close()


def run_tests(tests, chosen):
    """Runs them one after the other, says how each went, and ends the program."""
    failed = 0
    for name in chosen:
        began = time.monotonic()
        try:
            tests[name]()
            print(f"  ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"  FAIL  {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


def main():
    global BINARY, HIREDIS, SYNC_FAULTS
    words = sys.argv[1:]
    if words == ["--list"]:
        return print("\n".join(TESTS))
    SYNC_FAULTS, words = os.path.abspath(words[0]), words[1:]
    if words[0] == "--hiredis":
        HIREDIS, words = words[1], words[2:]
    BINARY = os.path.abspath(words[0])
    run_tests(TESTS, words[1:] or list(TESTS))


if __name__ == "__main__":
    main()
