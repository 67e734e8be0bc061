#!/usr/bin/env python3
"""Reads what ctest wrote: prints "passed failed skipped", then a line for each test that did not pass, with the end of
what it said, and one for each that passed at its second try.

    scripts/count_junit.py <--output-junit's file> <ctest's output>
"""

import re
import sys
import xml.etree.ElementTree as xml

NOISE = re.compile(r"Running main\(\)|Note: Google Test|\[[-= ]+(RUN|PASSED|FAILED|SKIPPED|)[-= ]*\]| *\d+ FAILED TEST|$")

SEED = re.compile(r"Note: Randomizing tests' orders with a seed of \d+")
TRY = re.compile(r"^ *(?:\d+/\d+)? Test +#\d+: (\S+) \.+ *(\*\*\*\w+|Passed)", re.M)

passed, failed, skipped = 0, [], []
for case in xml.parse(sys.argv[1]).getroot().iter("testcase"):
    status = case.get("status")
    output = (case.findtext("system-out") or "").split("\n")
    output = [line for line in output if not NOISE.match(line)]
    if status == "run":
        passed += 1
    elif status in ("notrun", "disabled"):
        # ctest also says "notrun" of a binary that was never built: that is a failure.
        why = case.find("skipped")
        reason = (why.get("message") or "") if why is not None else ""
        if status == "disabled" or "SKIP" in reason:
            skipped.append((case.get("name"), ["DISABLED_"] if status == "disabled" else output[-2:]))
        else:
            failed.append((case.get("name"), [reason] + output[-3:]))
    else:
        seed = [line for line in output[:-25] if SEED.match(line)]
        failed.append((case.get("name"), seed + output[-25:] or ["said nothing: a crash, or stopped for its time"]))

tries = {}
with open(sys.argv[2], encoding="utf-8", errors="replace") as log:
    for name, outcome in TRY.findall(log.read()):
        tries.setdefault(name, []).append(outcome)

print(passed, len(failed), len(skipped))
for name, lines in failed:
    print(f"FAIL  {name}")
    for line in lines:
        print(f"      {line}")
for name, lines in skipped:
    print(f"skip  {name}: {' '.join(lines).strip()}")
for name, outcomes in tries.items():
    if len(outcomes) > 1 and outcomes[-1] == "Passed" and outcomes[0] != "Passed":
        print(f"again {name}: {outcomes[0].strip('*')}, then passed")
