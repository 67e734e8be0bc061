"""Paired rounds: every contender once a round, in rotated order, and ratios within a round."""

import statistics

from harness.machine import DISTURBED, Watch, patience
from harness.programs import Unmeasurable
from harness.progress import progress


def percentile(samples, p):
    ordered = sorted(samples)
    at = p / 100 * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


class Samples:
    """What each round gave for each contender, and what others used of the machine meanwhile.

    Calm samples count if there are enough of them, half as many as rounds; otherwise all do, and what they are used
    for is `disturbed`.
    """

    def __init__(self, rounds):
        self.rounds = rounds
        self.all = []
        self.errors = {}  # contender: why it could not be measured

    def add(self, number, contender, others, values):
        self.all.append({"round": number, "contender": contender, "others": round(others, 3), **values})

    def of(self, contender):
        every = [s for s in self.all if s["contender"] == contender]
        calm = [s for s in every if s["others"] <= DISTURBED]
        return calm if len(calm) * 2 >= self.rounds else every

    def disturbed(self, *contenders):
        return any(s["others"] > DISTURBED for c in contenders for s in self.of(c))

    def values(self, contender, metric):
        return [s[metric] for s in self.of(contender) if metric in s]

    def has(self, contender, metric):
        return bool(self.values(contender, metric))

    def median(self, contender, metric):
        return statistics.median(self.values(contender, metric))

    def spread(self, contender, metric):
        values = self.values(contender, metric)
        return percentile(values, 10), percentile(values, 90)

    def ratios(self, contender, to, metric):
        """Of the rounds in which both count; of the medians if there is no such round."""
        base = {s["round"]: s[metric] for s in self.of(to)}
        both = [s[metric] / base[s["round"]] for s in self.of(contender) if base.get(s["round"])]
        return both or [self.median(contender, metric) / self.median(to, metric)]

    def best(self, contenders, metric):
        """The one with the lowest median; None if none was measured."""
        measured = [c for c in contenders if self.has(c, metric)]
        return min(measured, key=lambda c: self.median(c, metric), default=None)


def take_rounds(count, contenders, servers=(), seconds_a_sample=0.0):
    """`contenders`: name to a function that yields a dictionary of metrics. A sample that others disturbed is taken
    once more, in the same round; one that cannot be taken ends its contender's part."""
    samples = Samples(count)
    names = list(contenders)
    for number in range(count):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if name in samples.errors:
                progress.advance(seconds_a_sample)
                continue
            for attempt in range(2):
                progress.step(f"round {number + 1} of {count}: {name}{', once more' if attempt else ''}")
                patience.wait()
                try:
                    with Watch(servers) as w:
                        values = contenders[name]()
                except Unmeasurable as why:
                    samples.errors[name] = str(why)
                    break
                if w.others <= DISTURBED or attempt == 1:
                    samples.add(number, name, w.others, values)
                    break
            progress.advance(seconds_a_sample)
    return samples
