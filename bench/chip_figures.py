#!/usr/bin/env python3
"""Measures weft on the emulated chips and prints a row each: name, value, goal, ok or short.

    bench/chip_figures.py [--only NAME]...

Guest instructions, counted by bench/chip/count.c under QEMU: exact, and the same in every run. -Os. scripts/chip-figures.sh
builds what is needed. Beside the goals stand the published figures of Embassy (executor 0.10, LTO, optimised for size or for
speed) and of FreeRTOS V11.1, measured in the same way. A row that is short is a result, not a failure.
"""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WFI, ENTRY, TASK, RAISED, YIELD, ROUND, HIGHER, LOWER, SLEEPING, WOKEN = 31, 1, 2, 3, 4, 5, 6, 7, 8, 9


def elf(preset, name):
    return f"{ROOT}/build/{preset}/bench/chip/bench_{name}.elf"


def symbol(path, name):
    for line in subprocess.run(["llvm-nm-22", path], capture_output=True, text=True, check=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == name:
            return int(words[0], 16) & ~1 if "weft_irq" in name else int(words[0], 16)
    sys.exit(f"chip_figures: no {name} in {path}")


class Counts:
    def __init__(self, preset, name):
        path = elf(preset, name)
        timer = name == "timers"
        entries = [] if name == "masked" else (["weft_entry_timer" if timer else "weft_entry_software"] if preset.startswith("rv")
                   else ["weft_irq_8"] if timer else ["weft_irq_20", "weft_irq_21"])
        at = "".join(f",at={symbol(path, entry):#x}:{ENTRY}" for entry in entries)
        with tempfile.NamedTemporaryFile("r") as out:
            environment = dict(os.environ, MARKS_OUT=out.name,
                               BOARD="mps2-an385" if preset.startswith("m3") else "mps2-an386")
            run = subprocess.run([f"{ROOT}/scripts/emulate.sh", path, "-icount", "shift=0,sleep=off",
                                  "-plugin", f"{ROOT}/build/chip-count.so{at}"],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment)
            text = out.read()
        if run.returncode != 0:
            sys.exit(f"chip_figures: {path} ended with {run.returncode}: {run.stdout}{run.stderr}")
        self.spans = {}
        for a, b, n, least, most, total in re.findall(r"^mark (\d+) (\d+) n=(\d+) min=(\d+) max=(\d+) sum=(\d+)", text, re.M):
            self.spans[int(a), int(b)] = (int(n), int(least), int(most), int(total))
        self.masked_after = {int(a): int(most) for a, most in re.findall(r"^masked-after (\d+) max=(\d+)", text, re.M)}
        self.masked = int(re.search(r"^masked n=\d+ max=(\d+)", text, re.M)[1])

    def mean(self, a, b, least=10):
        n, _, _, total = self.spans.get((a, b), (0, 0, 0, 0))
        if n < least:
            sys.exit(f"chip_figures: mark {b} did not follow mark {a}")
        return total / n

    def between_sleeps(self):
        """Everything from one wfi to the next, on average over the wakes."""
        wakes = sum(n for (a, _), (n, *_) in self.spans.items() if a == WFI)
        return sum(total for *_, total in self.spans.values()) / wakes

    def wakes_while_idle(self):
        """Sleeps between the marks around ten idle seconds, less the one that ends them."""
        return sum(n for (a, _), (n, *_) in self.spans.items() if a == SLEEPING) - 1


def text_of_kernel(preset):
    """Bytes of code and constants of weft's own in a firmware with one task and one timer: without start-up code, the
    machine's drivers, the report of panics, memory functions, and the task."""
    listed = subprocess.run(["llvm-nm-22", "--demangle", "--size-sort", "--print-size", elf(preset, "task")],
                            capture_output=True, text=True, check=True).stdout
    total = 0
    seen = set() # constructors have two names
    for address, size, kind, name in re.findall(r"^(\S+) (\S+) ([tTwWrRvV]) (.*)$", listed, re.M):
        if address in seen:
            continue
        seen.add(address)
        if re.match(r"(weft::|weft_start|vtable)", name) and not re.search(
                r"weft::(machine::|error::message|port::panic|chip::print|chip::print_tasks|chip::\(anonymous namespace\)::(print|end)|"
                r"chip::(attach|detach)_interrupt)", name):
            total += int(size, 16)
    return total


def ram_of_task(preset):
    report = subprocess.run([sys.executable, f"{ROOT}/tools/frames.py", "report", elf(preset, "task")],
                            capture_output=True, text=True, check=True).stdout
    return int(re.search(r"periodic\(\).* = (\d+)$", report, re.M)[1])


only = []
states = []


def row(name, value, goal, what):
    if only and not any(o in name for o in only):
        return
    state = "-" if goal is None else "ok" if round(value, 1) <= goal else "short"
    states.append(state)
    limit = "" if goal is None else f"<= {goal:g}"
    print(f"{name:<28} {value:>8.{0 if value == int(value) else 1}f} {limit:>8}  {state:<6} {what}", flush=True)


def main():
    arguments = sys.argv[1:]
    while arguments:
        if arguments[0] != "--only" or len(arguments) < 2:
            sys.exit(__doc__)
        only.append(arguments[1])
        arguments = arguments[2:]
    print(f"{'name':<28} {'value':>8} {'goal':>8}  {'':<6} what; Embassy; FreeRTOS")
    for compiler in ("gcc", "clang"):
        m4 = Counts(f"m4-{compiler}", "latency")
        row(f"m4-{compiler}-task", m4.mean(ENTRY, TASK), 50, "ISR entry to task running; 92 to 100; 172 to 194")
        row(f"m4-{compiler}-event", m4.mean(ENTRY, TASK) + m4.mean(RAISED, WFI), 90,
            "the event, wake to idle again; 130 to 153; 392 to 584")
        row(f"m4-{compiler}-preempt", m4.mean(ENTRY, HIGHER), 55, "ISR entry to the higher task; 111; 171 to 193")
        row(f"m4-{compiler}-ping-pong", m4.mean(ROUND, ROUND), 150, "two tasks, there and back; 235 to 295; 663 to 1053")
        row(f"m4-{compiler}-yield", m4.mean(YIELD, YIELD), None, "68 to 72; 57")
        row(f"m4-{compiler}-masked", m4.masked, None, "longest section with interrupts held up, start-up included")
        rv = Counts(f"rv32-{compiler}", "latency")
        trap = Counts(f"rv32-{compiler}", "latency_by_trap")
        row(f"rv32-{compiler}-task-trap", trap.mean(ENTRY, TASK), 90, "ISR entry to task running, by a trap; 120 to 142; 213 to 245")
        row(f"rv32-{compiler}-task-idle", rv.mean(WFI, TASK), 55, "the same, dispatched from the idle loop")
        row(f"rv32-{compiler}-event", rv.mean(WFI, TASK) + rv.mean(RAISED, WFI), None, "and on to idle again; 204 to 226; 497 to 660")
        row(f"rv32-{compiler}-preempt", rv.mean(ENTRY, HIGHER), 85, "ISR entry to the higher task; none; 212 to 244")
        row(f"rv32-{compiler}-ping-pong", rv.mean(ROUND, ROUND), None, "two tasks, there and back; 231 to 329; 745 to 1109")
        row(f"rv32-{compiler}-masked", rv.masked, None, "longest section with interrupts held up, handlers included")
        timers = Counts(f"rv32-{compiler}", "timers")
        row(f"rv32-{compiler}-timer-33", timers.between_sleeps(), 300, "timer event among 33, any order, wake to idle; 1713; -")
        row(f"rv32-{compiler}-idle-10s", timers.wakes_while_idle(), 0, "wake-ups in ten idle seconds; 0; a tick each")
        row(f"rv32-{compiler}-task-ram", ram_of_task(f"rv32-{compiler}"), 80 if compiler == "gcc" else 64,
            "bytes of a task with one timer, all features; 80; >= 170")
        row(f"rv32-{compiler}-text", text_of_kernel(f"rv32-{compiler}"), 1500, "bytes of text of the kernel; 1.5 to 2.3 kB; 3.8 to 4.6 kB")
        row(f"m4-{compiler}-text", text_of_kernel(f"m4-{compiler}"), 1500, "the same")
        showdown(compiler)
        masked_sections(compiler)
    print(f"{states.count('ok')} ok, {states.count('short')} short")


def masked_sections(compiler):
    """The longest section with interrupts held up within an operation on 1, 8 and 64 waiters: how much it grows with them."""
    for chip in ("m4", "rv32"):
        counts = Counts(f"{chip}-{compiler}", "masked").masked_after
        for first, operation in ((2, "close"), (5, "notify"), (8, "stop")):
            one, eight, many = (counts.get(first + i, 0) for i in range(3))
            row(f"{chip}-{compiler}-masked-{operation}", max(one, eight, many) - min(one, eight, many), 5,
                f"more instructions with interrupts held up for 1, 8 or 64 waiters: {one}, {eight}, {many}")


def showdown(compiler):
    """The three-task firmware of "Async Rust vs RTOS showdown" (tweede golf), in bytes; theirs are for an STM32F446."""
    path = f"{ROOT}/build/m4-{compiler}/examples/firmware_showdown/showdown.elf"
    sizes = subprocess.run(["llvm-size-22", path], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, sizes.splitlines()[1].split()[:3])
    row(f"showdown-{compiler}-program", text + data, None, "bytes of program; 14272; 20676 (RTIC 8888)")
    row(f"showdown-{compiler}-ram", data + bss, None, "bytes of static RAM; 872; 5480 (RTIC 392)")


if __name__ == "__main__":
    main()
