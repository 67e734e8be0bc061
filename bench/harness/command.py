"""The command line of figures.py and bench.py."""

import argparse
import os

from harness.machine import ROOT
from harness.programs import Builds


def parser_for(description, rounds):
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--gcc", default=os.path.join(ROOT, "build", "figures-gcc"), metavar="DIR")
    parser.add_argument("--clang", default=os.path.join(ROOT, "build", "figures-clang"), metavar="DIR")
    parser.add_argument("--list", action="store_true")
    return parser


def parse(parser):
    """The options, and where the builds are."""
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("--rounds: at least 3")
    return options, Builds({"gcc": options.gcc, "clang": options.clang}, f"make {os.path.splitext(parser.prog)[0]} builds it")


def chosen(named, only, parser):
    """Those of the (name, …) pairs that --only asks for: by a part of their name, or by the name of a row that they make,
    which begins with theirs."""
    if not only:
        return list(named)
    named, wanted = list(named), set()
    for part in only:
        found = {name for name, *_ in named if part in name}
        if not found:
            makers = [name for name, *_ in named if part.startswith(name)]
            found = {max(makers, key=len)} if makers else parser.error(f"no row is called {part}; see --list")
        wanted |= found
    return [each for each in named if each[0] in wanted]
