"""How far it is, and how long it will take: a bar on a terminal, elsewhere a line a row."""

import sys
import time


class Progress:
    WIDTH = 24

    def __init__(self):
        self.terminal = sys.stderr.isatty()
        self.row = ""
        self.last = ""
        self.began = time.monotonic()
        self.total = self.done = 0.0

    def expect(self, seconds):
        """What all rows together will take, roughly: the bar's length."""
        self.total = seconds
        self.began = time.monotonic()

    def begin(self, number, count, name):
        self.row = f"[{number}/{count}] {name}"
        if self.terminal:
            self.step("")
        else:
            print(f"{self.row}{self.remaining()}", file=sys.stderr, flush=True)

    def advance(self, seconds):
        """So much of what was expected is done."""
        self.done = min(self.total, self.done + seconds)

    def remaining(self):
        # The guess at the start is corrected by how it went so far.
        if self.done < 0.02 * self.total or not self.total:
            return ""
        left = (time.monotonic() - self.began) * (self.total - self.done) / self.done
        return f", {int(left) // 60}:{int(left) % 60:02} left"

    def bar(self):
        if not self.total:
            return ""
        full = int(self.WIDTH * self.done / self.total)
        return f"[{'#' * full}{'.' * (self.WIDTH - full)}] {100 * self.done / self.total:3.0f} %{self.remaining()}  "

    def step(self, text):
        if self.terminal and (line := f"{self.bar()}{self.row} {text}") != self.last:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
            self.last = line

    def clear(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self.last = ""


progress = Progress()
