#!/usr/bin/env python3
"""A program of the guides does what its own header says that it does.

    program.py <program> <its source>

The comment at the head of the source says what it prints, or how a client talks with it:

    // Prints:
    //     hello
    //
    // Talk:
    //     > what the client sends
    //     < what comes back

What it prints is compared whole. A program that talks is given an address; one whose usage names a directory, an empty one.
"""

import os
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from processes import connect, free_port, running


def block(source, title):
    """The indented lines below `// title:`, or None."""
    found = None
    with open(source, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("//"):
                break
            text = line[2:].rstrip("\n")
            if text.strip() == title + ":":
                found = []
            elif found is not None:
                if not text.startswith("     "):
                    break
                found.append(text[5:])
    return found


def header(source):
    with open(source, encoding="utf-8") as file:
        return "".join(line for line in file if line.startswith("//"))


def prints(program, source, expected):
    with tempfile.TemporaryDirectory() as folder:
        arguments = [folder] if "<directory>" in header(source) else []
        run = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True, timeout=100, check=False)
    assert run.returncode == 0, f"it ended with {run.returncode}"
    got = run.stdout.splitlines()
    assert got == expected, f"it printed {got}, and not {expected}"


def talks(program, lines):
    port = free_port()
    with running(program, f"127.0.0.1:{port}") as server, connect(port, server) as client:
        stream = client.makefile("rw", encoding="utf-8", newline="\n")
        for line in lines:
            if line.startswith("> "):
                stream.write(line[2:] + "\n")
                stream.flush()
            else:
                answer = stream.readline()
                assert answer == line[2:] + "\n", f"it answered {answer!r}, and not {line[2:]!r}"


def main():
    program, source = os.path.abspath(sys.argv[1]), sys.argv[2]
    expected, conversation = block(source, "Prints"), block(source, "Talk")
    assert expected or conversation, "its header does not say what it does"
    if expected:
        prints(program, source, expected)
    if conversation:
        talks(program, conversation)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as problem:
        sys.exit(f"FAILED: {sys.argv[2]}: {problem}")
