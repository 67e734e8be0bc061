"""Running a program: its line of JSON, or the instructions that it took."""

import json
import os
import re
import subprocess

from harness.machine import ROOT

CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
# valgrind 3.19 does not know io_uring; nothing that is counted needs it.
COUNTED_ENVIRONMENT = {"WEFT_IO": "epoll"}


class Unmeasurable(Exception):
    """A row's programs are missing or do not work: an error row."""


class Builds:
    """Where each compiler's build of the tree is."""

    def __init__(self, directories, remedy):
        self.directories, self.remedy = directories, remedy

    def program(self, compiler, path):
        file = os.path.join(self.directories[compiler], path)
        if not os.access(file, os.X_OK):
            raise Unmeasurable(f"{os.path.relpath(file, ROOT)} is not there: {self.remedy}")
        return file


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
    return os.path.basename(
        next(c for c in command if c not in ("taskset", "-c", *CALLGRIND) and not c.isdigit())
    )


def line_of(output, program):
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError as why:  # "nan", from a program that was kept from running until its time was over
                raise Unmeasurable(f"{program} printed no figure: {line[:100]}") from why
    raise Unmeasurable(f"{program} printed no result")


def collected(errors, program):
    found = re.search(r"Collected : (\d+)", errors)
    if not found:
        raise Unmeasurable(f"callgrind counted nothing in {program}: {errors.strip()[-200:]}")
    return int(found.group(1))


def instructions(command):
    """User instructions of a whole run."""
    return collected(run(CALLGRIND + command, COUNTED_ENVIRONMENT).stderr, command_name(command))


def slope(count, small, large):
    """What one operation adds to count(operations); start and end of the program cancel out."""
    return (count(large) - count(small)) / (large - small)
