"""A row of figures: a value, its goal, and whether it is reached."""

import json
import statistics

from harness.rounds import percentile


class Row:
    """`value` is compared with `goal`, both in `unit`; `columns` are further cells for whoever prints the row.

    `ratios`: of the rounds, where the value is their median; `disturbed` rows have no verdict."""

    def __init__(self, name, what, value=None, goal=None, unit="", notes=(), ratios=(), disturbed=False, error=None):
        self.name, self.what, self.value, self.goal, self.unit = name, what, value, goal, unit
        self.notes = list(notes)
        self.disturbed, self.error = disturbed, error
        self.columns = {}
        self.samples = None
        if ratios:
            self.value = statistics.median(ratios)
            low, high = percentile(ratios, 10), percentile(ratios, 90)
            self.notes.insert(0, f"p10..p90 {low:.2f}..{high:.2f}, {len(ratios)} rounds")

    def state(self):
        if self.error:
            return "error"
        if self.disturbed:
            return "disturbed"
        if self.goal is None:
            return "-"
        # A goal holds for the figure as it is printed.
        return "ok" if float(self.printed()) <= self.goal else "short"

    def printed(self):
        return f"{self.value:.{2 if self.goal is not None and self.goal < 10 else 1}f}"

    def as_json(self):
        keys = ("name", "what", "unit", "value", "goal", "error", "disturbed", "notes", "columns")
        return {
            **{k: getattr(self, k) for k in keys},
            "state": self.state(),
            "samples": self.samples.all if self.samples else [],
        }


def summary(rows):
    """`11 ok, 2 short, …`: states in the order of their first row, and whether all could be measured."""
    states = [r.state() for r in rows]
    counts = [f"{states.count(s)} {s}" for s in ("ok", "short", "disturbed", "error", "-") if s in states]
    return ", ".join(counts), "error" not in states


def write_json(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        json.dump([r.as_json() for r in rows], f, indent=1)
        f.write("\n")
