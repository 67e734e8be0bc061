#!/usr/bin/env python3
"""The house rules that a program can check.

    tests/tidy.py              checks the tree
    tests/tidy.py --self-test  feeds each rule a snippet that breaks it and one that keeps it
    tests/tidy.py --rules      lists the rules

Prints `path:line: rule: what is wrong`; the last line is "N passed, N failed", counted in rules.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from rules import report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLANG_FORMAT = "clang-format-22"
HEADER_LINES = 350

# What the ports of chips without an operating system have in common, and those of hosted worlds: ports that others may know.
CHIP_PORT = "weft/ports/chip/"
HOST_PORT = "weft/ports/host/"
HOSTS = ("weft/ports/host/", "weft/ports/linux/", "weft/ports/windows/", "weft/ports/bsd/", "weft/ports/sim/")

# Which rooms a room may include besides itself. Doors open downward only.
DOORS = {
    "weft/core": [],
    "weft/ports": ["weft/core"],
    "weft/runtime": ["weft/core"],
    "weft/io": ["weft/core", "weft/runtime"],
    "weft/lwip": ["weft/core", "weft/ports", "drivers"],
    "weft/fiber": ["weft/core", "weft/runtime", "weft/io"],
    "weft/inspect": ["weft/core", "weft/runtime", "weft/io", "weft/fiber"],
    "drivers": ["weft/core"],
    "microkernel": ["weft/core", "weft/ports", "drivers"],
}
# The headers of io that a host's port, or another stack, completes: the contract for I/O, as core/port.hpp is the one for
# everything else.
IO_CONTRACT = [
    "weft/io/buffer.hpp",
    "weft/io/byte_stream.hpp",
    "weft/io/directory_entry.hpp",
    "weft/io/endpoint.hpp",
    "weft/io/host.hpp",
    "weft/io/leased_buffer.hpp",
    "weft/io/operation.hpp",
    "weft/io/received_datagram.hpp",
]

OS_HEADER = re.compile(
    r"^(sys/|linux/|asm/|arpa/|net/|netinet/|liburing|windows\.h|winsock)|"
    r"^(unistd|fcntl|poll|signal|csignal|sched|pthread|semaphore|dirent|netdb|syscall|errno|cerrno|time|spawn|"
    r"termios|grp|pwd|aio|ucontext|dlfcn|mqueue|utime)(\.h)?$"
)
# A function of the global name space, which is the OS's or C's, and what else calls the OS by its own name.
OS_CALL = re.compile(
    r"(?<![\w>:])((?:::)[a-z_]\w*|io_uring_\w+|IO_URING_\w+|(?:pthread|sched|timerfd|inotify)_\w+"
    r"|epoll_(?:create1?|ctl|p?wait2?)|eventfd|signalfd|syscall|mmap|munmap|madvise|clock_gettime|p?select|ppoll|sigaction)\s*\("
)
# These say numbers and structures, not calls: a header that converts an error code may look them up.
OS_HEADER_HARMLESS = {"errno.h", "cerrno", "time.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


class File:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1)


def is_cpp(path):
    return path.endswith((".hpp", ".cpp", ".h", ".c"))


def is_header(path):
    return path.endswith((".hpp", ".h"))


def is_test(path):
    name = os.path.basename(path)
    return name.endswith(("_test.cpp", "_fuzz.cpp")) or name.startswith("testing") or path.startswith("tests/")


def code_of(line):
    """The line without strings and // comments: enough for rules about code."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    return line.split("//")[0]


def room_of(path):
    parts = path.split("/")
    if parts[0] == "weft" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def door_direction(f):
    """rooms include only what lies below them: core nothing, ports and drivers core, runtime the host room, io those"""
    room = room_of(f.path)
    if room not in DOORS or not is_cpp(f.path):
        return
    port = "/".join(f.path.split("/")[:3]) + "/" if room == "weft/ports" else None
    for line, name in f.includes():
        target = room_of(name)
        if target not in DOORS and target not in ("examples", "bench", "tools", "tests"):
            continue
        if is_test(f.path) and room != "weft/core" and target in DOORS:
            continue  # a test may stand on what its subject will run on
        if target == room:
            shared = HOST_PORT if port in HOSTS else CHIP_PORT
            if port and not name.startswith((port, shared)):
                yield line, f"a port must not know another: {name}"
        elif target == "weft/ports" and room in ("weft/runtime", "weft/io"):
            if not name.startswith(HOST_PORT):
                yield line, f"{name} is one host's; go through {HOST_PORT}"
        elif target == "weft/ports" and room == "weft/lwip":
            if name.startswith(HOSTS):
                yield line, f"{name} is a host's, and this room is for chips"
        elif target == "weft/io" and room in ("weft/ports", "weft/lwip"):
            if name not in IO_CONTRACT:
                yield line, f"{name} is no part of the contract for I/O (IO_CONTRACT)"
        elif target not in DOORS[room]:
            yield line, f"{room} must not include {name}"


def header_length(f):
    """a header has at most 350 lines: beyond, it holds two concepts"""
    if f.path.endswith(".hpp") and len(f.lines) > HEADER_LINES:
        yield HEADER_LINES + 1, f"{len(f.lines)} lines, at most {HEADER_LINES}"


def pragma_once(f):
    """every header begins with #pragma once, before any code"""
    if not is_header(f.path):
        return
    for number, line in enumerate(f.lines, 1):
        if line.strip() == "#pragma once":
            return
        if line.strip() and not line.lstrip().startswith(("//", "/*", "*")):
            yield number, "code before #pragma once"
            return
    yield 1, "no #pragma once"


# The rooms whose headers are tested by name. What is there for tests themselves needs none.
TESTED = re.compile(r"(weft/core|weft/runtime|drivers)/(?!testing)[^/]+\.hpp$")
TESTED_IN = re.compile(r"^// .*\bTests: ([\w/]+\.cpp)\.$", re.M)


def tested_by_name(f):
    """a public header has a test of its name, or its first comment says where the test is: "Tests: core/a_test.cpp.\""""
    if not TESTED.match(f.path) or os.path.exists(os.path.join(ROOT, f.path[:-4] + "_test.cpp")):
        return
    said = TESTED_IN.search(f.text.split("#pragma once")[0])
    if not said:
        yield 1, "neither a test of its name nor the words where it is"
    elif not any(os.path.exists(os.path.join(ROOT, room, said.group(1))) for room in ("weft", "")):
        yield 1, f"there is no {said.group(1)}"


SUBJECTS = "(subjects of commits)"
SUBJECT_LENGTH = 72


def short_subject(f):
    """a commit's subject has at most 72 characters (of those since December 2026)"""
    if f.path == SUBJECTS:
        for number, line in enumerate(f.lines, 1):
            if len(line) > SUBJECT_LENGTH:
                yield number, f"{len(line)} characters: {line}"


# Written in two halves so that this file keeps its own rule.
ABSOLUTE = re.compile(r"(?<![\w.$}/~-])/(?:" + "wo" + "rk|ho" + "me|ro" + r"ot)/")


def absolute_paths(f):
    """no path of somebody's machine in the tree"""
    for number, line in enumerate(f.lines, 1):
        if ABSOLUTE.search(line):
            yield number, "an absolute path of one machine"


def one_door_to_the_os(f):
    """the OS is reached through weft/ports/linux/sys.hpp and sys_*.hpp alone, by includes and by calls"""
    if not f.path.startswith("weft/") or not is_cpp(f.path) or is_test(f.path):
        return
    if re.match(r"weft/ports/(linux/sys(_\w+)?\.[ch]pp$|(?!linux/|host/|hand/|sim/))|weft/lwip/arch/", f.path):
        return  # lwIP's own C wants headers of C, which stand in arch/
    for line, name in f.includes():
        if OS_HEADER.search(name) and (f.path.startswith("weft/core/") or name not in OS_HEADER_HARMLESS):
            yield line, f"<{name}> outside weft/ports/linux/sys.hpp"
    for number, line in enumerate(f.lines, 1):
        if call := OS_CALL.search(code_of(line)):
            yield number, f"{call.group(1)}() outside weft/ports/linux/sys.hpp: it needs a wrapper there"


ATOMIC = re.compile(r"\bstd::atomic|\b__atomic_|\b__sync_")


def one_door_to_atomics(f):
    """atomics are weft/core/atomic.hpp's alone"""
    if not f.path.startswith("weft/") or not is_cpp(f.path) or f.path == "weft/core/atomic.hpp":
        return
    if is_test(f.path) and not f.path.startswith("weft/core/"):
        return
    for line, name in f.includes():
        if name == "atomic":
            yield line, "<atomic> outside weft/core/atomic.hpp"
    for number, line in enumerate(f.lines, 1):
        if ATOMIC.search(code_of(line)):
            yield number, "an atomic that is not weft::atomic"


# Who may leave a choice to the port, and what a run under a seed does not repeat.
CHOOSES = re.compile(
    r"weft/core/machine/(?!\w+_test\.)\w+\.cpp$|weft/core/machine/choice\.hpp$|weft/core/port\.hpp$|weft/ports/hand/|tests/seeds/"
)
CHANCE = re.compile(
    r"\bs?rand\s*\(|\bstd::(?:random_device|mt19937)|\b(?:steady|system|high_resolution)_clock::now\b|\bclock_gettime\b"
)


def chosen_by_the_seed(f):
    """only the machine's sources choose, by port::choose(); time and chance come from the port, so that a seed repeats a run"""
    if not is_cpp(f.path):
        return
    code = [code_of(line) for line in f.lines]
    if not CHOOSES.match(f.path):
        for line, name in f.includes():
            if name.endswith("choice.hpp"):
                yield line, f"{name} is for the sources of weft/core/machine/"
        for number, line in enumerate(code, 1):
            if "port::choose" in line:
                yield number, "port::choose() is for the sources of weft/core/machine/"
    hosts_test = is_test(f.path) and not f.path.startswith(("weft/core/", "drivers/"))
    if hosts_test or not re.match(r"drivers/|weft/(?!ports/linux/sys(_\w+)?\.[ch]pp$)", f.path):
        return
    for number, line in enumerate(code, 1):
        if chance := CHANCE.search(line):
            yield number, f"{chance.group()} knows no seed: port::now() and port::random() do"


# A lambda that captures something by value, and a designated initialiser.
OWNING = r"(?:=|\*this\b|(?!this\b)\w)"
OWNING_LAMBDA = re.compile(
    rf"(?<![\w)\]])\[(?=\s*{OWNING}|[^\]]*,\s*{OWNING})[^\]]*\]\s*(?:\(|\{{|mutable\b|noexcept\b|->)"
)
DESIGNATED = re.compile(r"\{\s*\.\w+\s*=")


def named_before_await(f):
    """no owning lambda and no designated initialiser in one expression with co_await: GCC 12 destroys both twice"""
    if not is_cpp(f.path) or is_test(f.path):
        return  # a test may show the hazard
    code = "\n".join(code_of(line) for line in f.lines)
    for found in re.finditer(r"\bco_await\b", code):
        depth, end = 0, found.end()
        while end < len(code):
            depth += (code[end] in "([{") - (code[end] in ")]}")
            if depth < 0 or (depth == 0 and code[end] == ";"):
                break
            end += 1
        expression = code[found.end() : end]
        for what, pattern in (("a lambda with captures by value", OWNING_LAMBDA), ("an aggregate", DESIGNATED)):
            if pattern.search(expression):
                yield code.count("\n", 0, found.start()) + 1, f"{what} inside of a co_await: name it first"


# With a blank in front: a logical operator, and no reference.
DECISION = re.compile(r"\s(&&|\|\|)\s")


def no_await_behind_a_decision(f):
    """no co_await behind && or ||: GCC 12 awaits it in a loop's condition although the left side has decided"""
    if not is_cpp(f.path):
        return
    code = "\n".join(code_of(line) for line in f.lines)
    for found in DECISION.finditer(code):
        depth, end = 0, found.end()
        while end < len(code) and depth >= 0 and not (depth == 0 and code[end] == ";") and code[end] not in "{}":
            depth += (code[end] == "(") - (code[end] == ")")
            end += 1
        if re.search(r"\bco_await\b", code[found.end() : end]):
            yield code.count("\n", 0, found.start(1)) + 1, f"co_await behind {found.group(1)}: a statement of its own"


UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + r"XX)\b")


def nothing_unfinished(f):
    """no notes to finish later"""
    for number, line in enumerate(f.lines, 1):
        match = UNFINISHED.search(line)
        if match:
            yield number, f"{match.group(1)}: finish it, or say in prose what is and is not done"


def clean_ends(f):
    """lines end without blanks, files with one newline, no tabs in C++"""
    if not (is_cpp(f.path) or f.path.endswith((".py", ".sh", ".cmake", ".txt", ".json", ".md"))):
        return
    for number, line in enumerate(f.lines, 1):
        if line != line.rstrip() and not f.path.endswith(".md"):
            yield number, "blanks at the end"
        if is_cpp(f.path) and "\t" in line:
            yield number, "a tab"
    if f.text and not f.text.endswith("\n"):
        yield len(f.lines), "no newline at the end of the file"


def formatted(f):
    """clang-format-22 would change nothing (make format)"""
    if not is_cpp(f.path):
        return
    run = subprocess.run(
        [CLANG_FORMAT, f"--style=file:{ROOT}/.clang-format", f"--assume-filename={f.path}"],
        input=f.text, capture_output=True, text=True, cwd=ROOT,
    )
    if run.returncode != 0:
        yield 1, f"{CLANG_FORMAT}: {run.stderr.strip()}"
    elif run.stdout != f.text:
        theirs = run.stdout.split("\n")
        for number, line in enumerate(f.lines, 1):
            if number > len(theirs) or theirs[number - 1] != line:
                yield number, "not formatted"
                return
        yield len(f.lines), "not formatted"


RULES = [
    door_direction,
    header_length,
    pragma_once,
    tested_by_name,
    short_subject,
    absolute_paths,
    one_door_to_the_os,
    one_door_to_atomics,
    chosen_by_the_seed,
    named_before_await,
    no_await_behind_a_decision,
    nothing_unfinished,
    clean_ends,
    formatted,
]


def git(*words):
    return subprocess.run(["git", "-c", f"safe.directory={ROOT}", *words], capture_output=True, cwd=ROOT, check=False).stdout.decode()


def tree():
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if names == [""]:  # no repository: a copy of the tree
        names = [os.path.relpath(os.path.join(folder, name), ROOT) for folder, folders, found in os.walk(ROOT)
                 for name in found if not re.match(r"\./(build|data|\.)", "./" + os.path.relpath(folder, ROOT) + "/")]
    yield File(SUBJECTS, git("log", "--since=2026-12-01T00:00:00Z", "--format=%s"))
    for name in sorted(set(filter(None, names))):
        try:
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                yield File(name, file.read())
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # a picture, a corpus file, a file that was just removed


def check_tree():
    files = list(tree())
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def complaints_of(rule):
            for f, found in zip(files, pool.map(lambda f: list(rule(f)), files)):
                yield from ((f.path, line, what) for line, what in found)

        return report(RULES, complaints_of)


# (rule, path, text, does it break the rule)
CASES = [
    (door_direction, "weft/core/a.hpp", "#include <weft/core/b.hpp>\n", False),
    (door_direction, "weft/core/a.hpp", "#include <weft/runtime/run.hpp>\n", True),
    (door_direction, "weft/core/a.cpp", '#include "weft/ports/linux/sys.hpp"\n', True),
    (door_direction, "weft/core/a_test.cpp", "#include <weft/ports/linux/sys.hpp>\n", True),
    (door_direction, "weft/core/a.hpp", "#include <examples/kv/store.hpp>\n", True),
    (door_direction, "weft/ports/linux/a.cpp", "#include <weft/core/b.hpp>\n", False),
    (door_direction, "weft/ports/linux/a.cpp", "#include <weft/runtime/run.hpp>\n", True),
    (door_direction, "weft/ports/linux/a.cpp", "#include <weft/ports/hand/port.hpp>\n", True),
    (door_direction, "weft/ports/linux/a.cpp", "#include <weft/ports/linux/sys.hpp>\n", False),
    (door_direction, "weft/ports/cortex_m/a.cpp", f"#include <{CHIP_PORT}a.hpp>\n", False),
    (door_direction, "weft/ports/cortex_m/a.cpp", f"#include <{HOST_PORT}a.hpp>\n", True),
    (door_direction, f"{CHIP_PORT}a.cpp", "#include <weft/ports/cortex_m/a.hpp>\n", True),
    (door_direction, "weft/ports/linux/a.cpp", f"#include <{HOST_PORT}a.hpp>\n", False),
    (door_direction, "weft/ports/bsd/a.cpp", f"#include <{HOST_PORT}a.hpp>\n", False),
    (door_direction, "weft/ports/linux/a.cpp", f"#include <{CHIP_PORT}a.hpp>\n", True),
    (door_direction, f"{HOST_PORT}a.cpp", "#include <weft/ports/linux/sys.hpp>\n", True),
    (door_direction, f"{HOST_PORT}a.cpp", f"#include <{IO_CONTRACT[0]}>\n", False),
    (door_direction, "weft/runtime/a.cpp", f"#include <{HOST_PORT}a.hpp>\n", False),
    (door_direction, "weft/runtime/a.cpp", "#include <weft/ports/linux/sys.hpp>\n", True),
    (door_direction, "weft/lwip/a.cpp", f"#include <{IO_CONTRACT[0]}>\n", False),
    (door_direction, "weft/lwip/a.cpp", "#include <weft/io/tcp.hpp>\n", True),
    (door_direction, "weft/lwip/a.cpp", "#include <weft/ports/riscv_virt/a.hpp>\n", False),
    (door_direction, "weft/lwip/a.cpp", f"#include <{HOST_PORT}a.hpp>\n", True),
    (door_direction, "weft/lwip/a.cpp", "#include <weft/runtime/run.hpp>\n", True),
    (door_direction, "weft/ports/linux/a.cpp", f"#include <{IO_CONTRACT[0]}>\n", False),
    (door_direction, "weft/ports/linux/a.cpp", "#include <weft/io/tcp.hpp>\n", True),
    (door_direction, "weft/runtime/a.cpp", "#include <weft/io/tcp.hpp>\n", True),
    (door_direction, "weft/io/a.cpp", "#include <weft/ports/linux/sys.hpp>\n", True),
    (door_direction, "weft/io/a.cpp", f"#include <{HOST_PORT}log.hpp>\n", False),
    (door_direction, "weft/io/a_test.cpp", "#include <weft/ports/linux/sys.hpp>\n", False),
    (door_direction, "weft/io/a.cpp", "#include <weft/inspect/dump.hpp>\n", True),
    (door_direction, "weft/inspect/a.cpp", "#include <weft/io/tcp.hpp>\n", False),
    (door_direction, "drivers/uart.cpp", "#include <weft/core/task.hpp>\n", False),
    (door_direction, "drivers/uart.cpp", "#include <weft/runtime/run.hpp>\n", True),
    (door_direction, "examples/kv/main.cpp", "#include <weft/runtime/run.hpp>\n", False),
    (header_length, "weft/core/a.hpp", "\n" * 350, False),
    (header_length, "weft/core/a.hpp", "\n" * 351, True),
    (header_length, "weft/core/a.cpp", "\n" * 351, False),
    (pragma_once, "weft/core/a.hpp", "// Why.\n#pragma once\n", False),
    (pragma_once, "weft/core/a.hpp", "// Why.\nint a;\n", True),
    (pragma_once, "weft/core/a.hpp", "int a;\n#pragma once\n", True),
    (pragma_once, "weft/core/a.hpp", "// Why.\n", True),
    (tested_by_name, "weft/core/task.hpp", "// Why.\n#pragma once\n", False),
    (tested_by_name, "weft/core/nothing.hpp", "// Why.\n#pragma once\n", True),
    (tested_by_name, "weft/core/nothing.hpp", "// Why. Tests: core/task_test.cpp.\n#pragma once\n", False),
    (tested_by_name, "weft/core/nothing.hpp", "// Why. Tests: core/nowhere_test.cpp.\n#pragma once\n", True),
    (tested_by_name, "weft/core/nothing.hpp", "#pragma once\n// Why. Tests: core/task_test.cpp.\n", True),
    (tested_by_name, "drivers/nothing.hpp", "// Why.\n// Tests: tests/chip/devices.cpp.\n#pragma once\n", False),
    (tested_by_name, "weft/core/testing.hpp", "#pragma once\n", False),
    (tested_by_name, "weft/core/machine/nothing.hpp", "#pragma once\n", False),
    (short_subject, SUBJECTS, "a" * 72 + "\nb\n", False),
    (short_subject, SUBJECTS, "b\n" + "a" * 73 + "\n", True),
    (short_subject, "docs/a.md", "a" * 73 + "\n", False),
    (absolute_paths, "docs/a.md", "see /" + "work/main\n", True),
    (absolute_paths, "docs/a.md", "see /" + "home/me/weft\n", True),
    (absolute_paths, "docs/a.md", '"/' + 'root/.bashrc"\n', True),
    (absolute_paths, "docs/a.md", "see examples/" + "work/main and ~/" + "work/a and /usr/lib\n", False),
    (one_door_to_the_os, "weft/ports/linux/sys.hpp", "#include <unistd.h>\n", False),
    (one_door_to_the_os, "weft/ports/linux/sys_thread.cpp", "#include <unistd.h>\n", False),
    (one_door_to_the_os, "weft/ports/linux/system.cpp", "#include <unistd.h>\n", True),
    (one_door_to_the_os, "weft/ports/linux/ring.cpp", "#include <liburing.h>\n", True),
    (one_door_to_the_os, "weft/io/tcp.cpp", "#include <sys/socket.h>\n", True),
    (one_door_to_the_os, "weft/io/tcp.cpp", "#include <fcntl.h>\n", True),
    (one_door_to_the_os, "weft/io/tcp.cpp", "#include <cerrno>\n", False),
    (one_door_to_the_os, "weft/core/error.cpp", "#include <cerrno>\n", True),
    (one_door_to_the_os, "weft/io/tcp_test.cpp", "#include <sys/socket.h>\n", False),
    (one_door_to_the_os, "weft/ports/host/a.cpp", "#include <poll.h>\n", True),
    (one_door_to_the_os, "weft/lwip/tcp.cpp", "#include <unistd.h>\n", True),
    (one_door_to_the_os, "weft/ports/linux/uring.cpp", "    ::io_uring_submit(&ring_);\n", True),
    (one_door_to_the_os, "weft/ports/linux/uring.cpp", "    io_uring_for_each_cqe(&ring_, head, c) {\n", True),
    (one_door_to_the_os, "weft/ports/linux/uring.cpp", "    io_uring_sqe* e = sys::next_entry(ring_);\n", False),
    (one_door_to_the_os, "weft/ports/linux/sys_uring.hpp", "    ::io_uring_submit(&ring_);\n", False),
    (one_door_to_the_os, "weft/ports/linux/host.cpp", "    return ::close(fd);\n", True),
    (one_door_to_the_os, "weft/ports/linux/host.cpp", "    return sys::close(fd) + host::close(h);\n", False),
    (one_door_to_the_os, "weft/ports/linux/epoll.cpp", "    n = epoll_wait(ep, to, n, 0);\n", True),
    (one_door_to_the_os, "weft/ports/linux/epoll.cpp", "    n = sys::epoll_wait(ep, to, n, 0);\n", False),
    (one_door_to_the_os, "weft/ports/host/a.cpp", "    void* at = mmap(nullptr, n, 0, 0, -1, 0);\n", True),
    (one_door_to_the_os, "weft/ports/bsd/sys.hpp", "#include <sys/event.h>\n", False),
    (one_door_to_atomics, "weft/core/atomic.hpp", "__atomic_load_n(p, 0);\n", False),
    (one_door_to_atomics, "weft/core/waker.hpp", "__atomic_load_n(p, 0);\n", True),
    (one_door_to_atomics, "weft/core/waker.hpp", "#include <atomic>\n", True),
    (one_door_to_atomics, "weft/runtime/run.cpp", "std::atomic<int> a;\n", True),
    (one_door_to_atomics, "weft/runtime/run.cpp", "// not std::atomic, since\nweft::atomic<int> a;\n", False),
    (one_door_to_atomics, "weft/runtime/run_test.cpp", "std::atomic<int> a;\n", False),
    (chosen_by_the_seed, "weft/core/machine/team.cpp", "#include <weft/core/machine/choice.hpp>\nport::choose(2);\n", False),
    (chosen_by_the_seed, "weft/core/machine/team.hpp", "#include <weft/core/machine/choice.hpp>\n", True),
    (chosen_by_the_seed, "weft/core/machine/team_test.cpp", "#include <weft/core/machine/choice.hpp>\n", True),
    (chosen_by_the_seed, "weft/core/mutex.hpp", "port::choose(2);\n", True),
    (chosen_by_the_seed, "weft/core/mutex.hpp", "// as port::choose(2) does\n", False),
    (chosen_by_the_seed, "weft/ports/linux/host.cpp", "port::choose(2);\n", True),
    (chosen_by_the_seed, "weft/ports/hand/hand.cpp", "port::choose(2);\n", False),
    (chosen_by_the_seed, "tests/seeds/crew_test.cpp", "weft::port::choose(2);\n", False),
    (chosen_by_the_seed, "weft/core/a.cpp", "std::mt19937 r{1};\n", True),
    (chosen_by_the_seed, "weft/core/a_test.cpp", "int r = rand() % 2;\n", True),
    (chosen_by_the_seed, "weft/core/a.cpp", "int r = random.operand();\n", False),
    (chosen_by_the_seed, "weft/io/a.cpp", "auto t = std::chrono::steady_clock::now();\n", True),
    (chosen_by_the_seed, "weft/io/a_test.cpp", "auto t = std::chrono::steady_clock::now();\n", False),
    (chosen_by_the_seed, "weft/ports/linux/worker.cpp", "clock_gettime(CLOCK_MONOTONIC, &t);\n", True),
    (chosen_by_the_seed, "weft/ports/linux/sys_thread.cpp", "clock_gettime(CLOCK_MONOTONIC, &t);\n", False),
    (chosen_by_the_seed, "examples/kv/linux/log.cpp", "auto now = system_clock::now();\n", False),
    (named_before_await, "examples/a.cpp", "co_await with_scope([p = std::move(p)](scope& s) -> task<> {});\n", True),
    (named_before_await, "examples/a.cpp", "co_await f(1,\n    [s]() -> task<> { co_return; });\n", True),
    (named_before_await, "examples/a.cpp", "co_await f([&, s] { return 1; });\n", True),
    (named_before_await, "examples/a.cpp", "co_await f([=] { return 1; });\n", True),
    (named_before_await, "examples/a.cpp", "co_await connect({.host = name});\n", True),
    (named_before_await, "examples/a.cpp", "co_await f([&](scope& s) -> task<> {}); g([s] {});\n", False),
    (named_before_await, "examples/a.cpp", "co_await f([this] { return 1; }, a[i](2), b[0]);\n", False),
    (named_before_await, "examples/a.cpp", "auto body = [s]() -> task<> { co_await g(); };\n", False),
    (no_await_behind_a_decision, "examples/a.cpp", "while (n && co_await f()) {}\n", True),
    (no_await_behind_a_decision, "weft/core/a_test.cpp", "bool b = a ||\n    g(1, co_await f());\n", True),
    (no_await_behind_a_decision, "examples/a.cpp", "bool b = co_await f() && n;\n", False),
    (no_await_behind_a_decision, "examples/a.cpp", "if (a && b) { co_await f(); }\nauto&& x = co_await f();\n", False),
    (no_await_behind_a_decision, "examples/a.cpp", "if (a() || b())\n    c = co_await f();\n", False),
    (no_await_behind_a_decision, "examples/a.cpp", "if (a && b)\n    x();\nco_await f(); // a && b\n", False),
    (nothing_unfinished, "weft/core/a.cpp", "// TO" + "DO: later\n", True),
    (nothing_unfinished, "docs/a.md", "FIX" + "ME\n", True),
    (nothing_unfinished, "weft/core/a.cpp", "// mastodon\n", False),
    (clean_ends, "weft/core/a.cpp", "int a; \n", True),
    (clean_ends, "weft/core/a.cpp", "\tint a;\n", True),
    (clean_ends, "weft/core/a.cpp", "int a;", True),
    (clean_ends, "weft/core/a.cpp", "int a;\n", False),
    (formatted, "weft/core/a.cpp", "int   a;\n", True),
    (formatted, "weft/core/a.cpp", "namespace weft {\n\nint* a;\n\n} // namespace weft\n", False),
    (formatted, "weft/core/a.cpp", "namespace weft {\n\n    int *a;\n\n}\n", True),
]


def self_test():
    failed = 0
    for rule, path, text, breaks in CASES:
        found = list(rule(File(path, text)))
        if bool(found) != breaks:
            failed += 1
            print(f"  FAIL  {rule.__name__} on {path}, {text[:60]!r}: {'silent' if breaks else found}")
    fired = {rule for rule, _, _, breaks in CASES if breaks}
    for rule in RULES:
        if rule not in fired:
            failed += 1
            print(f"  FAIL  no snippet breaks {rule.__name__}")
    print(f"{len(CASES) + len(RULES) - failed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if "--rules" in sys.argv:
        for each in RULES:
            print(f"{each.__name__}: {each.__doc__}")
    else:
        sys.exit(0 if (self_test() if "--self-test" in sys.argv else check_tree()) else 1)
