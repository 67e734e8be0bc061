#!/usr/bin/env python3
"""Coroutine frames of a firmware: lays out the storage of its root tasks, and reports what every task takes.

    tools/frames.py layout <object> --assembler <out.S> --script <out.ld> --word 4|8
        Finds the root tasks that a partially linked firmware asks for (undefined symbols weft_root.*, see
        weft/ports/chip/spawn.hpp) and the sizes of their frames (the compilers describe each frame in the debug
        information), and writes an assembler file that reserves exactly that, and a linker script that names the task
        that does not fit.

    tools/frames.py check <firmware.elf> --assembler <out.S>
        Fails if the firmware, linked for good, has a root task with a larger frame than was reserved for it.

    tools/frames.py report <firmware.elf>
        Prints every root task, every coroutine's frame by name, and where the RAM goes.
"""

import argparse
import re
import subprocess
import sys

DWARFDUMP, NM, CXXFILT, OBJDUMP = "llvm-dwarfdump-22", "llvm-nm-22", "llvm-cxxfilt-22", "llvm-objdump-22"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"frames: {command[0]} failed: {done.stderr.strip()}")
    return done.stdout


def demangle(names):
    done = subprocess.run([CXXFILT], input="\n".join(names), capture_output=True, text=True)
    return done.stdout.splitlines()


def frame_sizes(path):
    """Bytes of each coroutine's frame by its mangled name: GCC calls the structure <name>.Frame, Clang
    <name>.coro_frame_ty."""
    sizes = {}
    dump = run(DWARFDUMP, "--debug-info", "--regex", "--name", r".*\.(Frame|coro_frame_ty)$", path)
    pattern = re.compile(r'DW_AT_name\s+\("(.*)\.(?:Frame|coro_frame_ty)"\)\s+DW_AT_byte_size\s+\((0x[0-9a-f]+)\)')
    for name, size in pattern.findall(dump):
        size = int(size, 16)
        if sizes.setdefault(name, size) != size:
            sizes[name] = max(size, sizes[name])  # two files with one name each for a function of their own
    return sizes


def symbols(path, *options):
    found = []
    for line in run(NM, *options, path).splitlines():
        found.append(line.split())
    return found


def type_size(path, name):
    dump = run(DWARFDUMP, "--debug-info", "--name", name, path)
    found = re.search(rf'DW_AT_name\s+\("{name}"\)\s+DW_AT_byte_size\s+\((0x[0-9a-f]+)\)', dump)
    if not found:
        sys.exit(f"frames: {path} does not tell the size of {name}: compile it with -g")
    return int(found[1], 16)


class Root:
    def __init__(self, symbol, sizes):
        arena, branches, instances, name = re.fullmatch(r"weft_root\.(\d+)\.(\d+)\.(\d+)\.(.*)", symbol).groups()
        self.symbol = symbol
        # What the optimiser appends to a name is no part of it.
        self.name = re.sub(r"\.(lto_priv|constprop|isra|part|llvm)\..*", "", name)
        self.arena, self.branches, self.instances = int(arena), int(branches), int(instances)
        self.frame = sizes[self.name]


def root_of(symbol, sizes):
    try:
        return Root(symbol, sizes)
    except KeyError as missing:
        sys.exit(f"frames: no size is known for the root task {demangle([missing.args[0]])[0]}: compile it with -g, and see "
                 "that it is a coroutine")


def up(n, to):
    return (n + to - 1) // to * to


def layout(arguments):
    word = arguments.word
    block = 2 * word
    sizes = frame_sizes(arguments.object)
    wanted = sorted({row[-1] for row in symbols(arguments.object, "--undefined-only") if row[-1].startswith("weft_root.")})
    roots = [root_of(symbol, sizes) for symbol in wanted]
    header = type_size(arguments.object, "root_slot") if roots else 0
    branch = type_size(arguments.object, "branch") if roots else 0
    roots.sort(key=lambda r: r.instances * (r.frame + r.arena)) # what does not fit is the largest
    names = demangle([r.name for r in roots]) if roots else []
    out = ["// Written by tools/frames.py: the storage of this firmware's root tasks."]
    pointer = ".quad" if word == 8 else ".long"
    out.append('    .section .weft_root_places, "a"')
    out.append("    .balign 8")
    for i, (r, name) in enumerate(zip(roots, names)):
        r.stride = header + up(r.arena, block) + up(r.frame, block)
        if r.arena // block > 0x7fff:
            sys.exit(f"frames: the arena of {name} is larger than {0x7fff * block} bytes")
        out += [f'    .globl "{r.symbol}"', f'"{r.symbol}":', f"    {pointer} weft_root_slots_{i}, weft_root_name_{i}",
                f"    .long {r.stride}, {up(r.frame, block)}", f"    .short {up(r.arena, block) // block}, {r.instances}"]
        if word == 8:
            out.append("    .balign 8")
    out.append('    .section .rodata.weft_root_names, "a"')
    for i, name in enumerate(names):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        out += [f"weft_root_name_{i}:", f'    .asciz "{escaped}"']
    out.append('    .section .weft_roots, "aw", %nobits')
    for i, r in enumerate(roots):
        out += [f"    .balign {block}", f"    .globl weft_root_slots_{i}", f"weft_root_slots_{i}:",
                f"    .skip {r.stride * r.instances}"]
    branches = sum(r.branches * r.instances for r in roots)
    out += ['    .section .weft_branches, "aw", %nobits', "    .balign 8", f"    .skip {branches * branch}", ""]
    with open(arguments.assembler, "w") as file:
        file.write("\n".join(out))
    script = ["/* Written by tools/frames.py: says by name which root task does not fit. */"]
    for i, (r, name) in enumerate(zip(roots, names)):
        plain = name.replace('"', "'").replace("\\", "/")
        script.append(f'ASSERT(weft_root_slots_{i} + {r.stride * r.instances} <= weft_memory_end, '
                      f'"the root task {plain} does not fit: {r.instances} x {r.stride} bytes")')
    with open(arguments.script, "w") as file:
        file.write("\n".join(script) + "\n")


def check(arguments):
    sizes = frame_sizes(arguments.firmware)
    with open(arguments.assembler) as file:
        reserved = re.findall(r'^"(weft_root\.\S+)":\n.*\n    \.long \d+, (\d+)$', file.read(), re.M)
    for symbol, room in reserved:
        try:
            root = Root(symbol, sizes)
        except KeyError:
            continue  # nobody spawns it
        if root.frame > int(room):
            sys.exit(f"frames: the frame of {demangle([root.name])[0]} has grown from {room} to {root.frame} bytes in the last "
                     "link")


def report(arguments):
    elf = arguments.firmware
    sizes = frame_sizes(elf)
    table = {row[2]: int(row[0], 16) for row in symbols(elf, "--defined-only") if len(row) == 3}
    word = 8 if "elf64" in run(OBJDUMP, "-f", elf) else 4
    block = 2 * word
    roots = [root_of(symbol, sizes) for symbol in sorted(table) if symbol.startswith("weft_root.")]
    header = type_size(elf, "root_slot") if roots else 0
    branch = type_size(elf, "branch") if roots else 0
    names = dict(zip(sizes, demangle(sizes))) if sizes else {}
    width = max([len(n) for n in names.values()] + [20])
    print("root tasks: instances x (header + arena + frame) + branches = bytes")
    total = 0
    for r in roots:
        size = r.instances * (header + up(r.arena, block) + up(r.frame, block) + r.branches * branch)
        total += size
        print(f"  {names[r.name]:<{width}} {r.instances} x ({header} + {up(r.arena, block)} + {up(r.frame, block)}) + "
              f"{r.instances * r.branches} x {branch} = {size}")
    print(f"  {'all root tasks':<{width}} {total}")
    print("frames: bytes of each coroutine; as a child, with the header of its arena's block")
    for name in sorted(sizes, key=lambda n: names[n]):
        print(f"  {names[name]:<{width}} {sizes[name]:6} {up(sizes[name], block) + block:6}")
    stack = table["weft_stack_top"] - table.get("weft_stack_guard_end", table["weft_stack_bottom"])
    fixed = table["weft_memory_start"] - table["weft_ram_start"]
    print("RAM")
    for what, bytes in (("root tasks and their branches", total), ("all other static data", fixed - total), ("stack", stack),
                        ("in all", fixed + stack)):
        print(f"  {what:<{width}} {bytes:6}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("layout")
    command.add_argument("object")
    command.add_argument("--assembler", required=True)
    command.add_argument("--script", required=True)
    command.add_argument("--word", type=int, choices=(4, 8), required=True)
    command.set_defaults(function=layout)
    command = commands.add_parser("check")
    command.add_argument("firmware")
    command.add_argument("--assembler", required=True)
    command.set_defaults(function=check)
    command = commands.add_parser("report")
    command.add_argument("firmware")
    command.set_defaults(function=report)
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
