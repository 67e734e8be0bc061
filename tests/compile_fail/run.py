#!/usr/bin/env python3
"""What the compiler tells a user who makes a mistake.

    tests/compile_fail/run.py [compiler...]     default: g++-12 and clang++-22, those that are there

Each .cpp here holds one mistake, and says in its first line what sentence the diagnostics must contain. It must not
compile, and the same file must be refused for that reason alone: the sentence stands in the first errors.
The last line is "N passed, N failed".
"""

import glob
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def check(case):
    compiler, path = case
    with open(path, encoding="utf-8") as file:
        first = file.readline().strip()
    if not first.startswith("// expect: "):
        return case, "the first line is not `// expect: …`"
    sentence = first[len("// expect: "):]
    run = subprocess.run(
        [compiler, "-std=c++23", "-fsyntax-only", "-I", ROOT, path], capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    if run.returncode == 0:
        return case, "it compiles"
    errors = [line for line in run.stderr.split("\n") if "error:" in line]
    if not any(sentence in line for line in errors[:2]):
        return case, "the first errors do not say so:\n        " + "\n        ".join(errors[:3])
    return case, None


def main():
    compilers = sys.argv[1:] or [c for c in ("g++-12", "clang++-22") if shutil.which(c)]
    cases = [(c, p) for p in sorted(glob.glob(os.path.join(HERE, "*.cpp"))) for c in compilers]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (compiler, path), wrong in pool.map(check, cases):
            name = f"{os.path.basename(path)[:-4]}, {os.path.basename(compiler)}"
            print(f"  FAIL  {name}: {wrong}" if wrong else f"  ok    {name}")
            failed += wrong is not None
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 0 if cases and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
