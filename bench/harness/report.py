"""The report: Markdown with every figure, and a plot of each workload."""

import datetime
import os
import platform
import statistics
import subprocess

import matplotlib
from matplotlib import pyplot

from harness.machine import DISTURBED, ROOT
from harness.rows import summary

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "weft", "font.size": 9})

COLOURS = {"weft": "#2f6fb0", "floor": "#9a9a9a", "peer": "#d98b2b"}
PACKAGES = [
    "g++-12",
    "clang-22",
    "libboost1.81-dev",
    "libuv1-dev",
    "libtbb-dev",
    "golang-go",
    "rustc-web",
    "librust-tokio-dev",
    "librust-rayon-dev",
    "redis-server",
    "liburing-dev",
]
HEADINGS = ("weft", "best peer", "floor", "goal")


def said_by(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


def version_of(package):
    return said_by("dpkg-query", "-W", "-f", "${Version}", package) or "not installed"


def table(headings, lines):
    widths = [max(len(str(line[i])) for line in (headings, *lines)) for i in range(len(headings))]
    pad = lambda line: "| " + " | ".join(str(c).ljust(w) for c, w in zip(line, widths)) + " |"
    return "\n".join([pad(headings), "|" + "|".join("-" * (w + 2) for w in widths) + "|", *(pad(x) for x in lines)])


def rows_table(rows):
    lines = []
    for row in rows:
        cells = [row.columns.get(h, "-") for h in HEADINGS]
        verdict = row.state() + (f": {row.error}" if row.error else "")
        lines.append([row.name, *cells, verdict])
    return table(["name", *HEADINGS, ""], lines)


def figures_table(workload, samples):
    """Every contender with every metric, best first; ratios are medians of same-round ratios."""
    first = workload.metrics[0]
    measured = {s["contender"] for s in samples.all}
    order = sorted(measured, key=lambda c: samples.median(c, first.key))
    floor = workload.floors[0] if workload.floors and workload.floors[0] in measured else None
    headings = ["", *(f"{m.key} ({m.unit})" for m in workload.metrics), "p10..p90", "x floor", "x weft", "rounds, calm"]
    lines = []
    for c in order:
        low, high = samples.spread(c, first.key)
        ratio = lambda to, c=c: f"{statistics.median(samples.ratios(c, to, first.key)):.2f}" if to in measured else "-"
        cells = [
            f"{samples.median(c, m.key) * m.scale:,.{m.digits}f}" if samples.has(c, m.key) else "-"
            for m in workload.metrics
        ]
        every = [s for s in samples.all if s["contender"] == c]
        calm = sum(s["others"] <= DISTURBED for s in every)
        spread = f"{low * first.scale:,.{first.digits}f}..{high * first.scale:,.{first.digits}f}"
        lines.append([c, *cells, spread, ratio(floor), ratio("weft"), f"{len(every)}, {calm}"])
    text = table(headings, lines)
    for contender, why in samples.errors.items():
        text += f"\n\n`error` {contender}: {why}"
    return text



def plot(workload, samples, path):
    first = workload.metrics[0]
    measured = {s["contender"] for s in samples.all if first.key in s}
    order = sorted(measured, key=lambda c: -samples.median(c, first.key))
    medians = [samples.median(c, first.key) * first.scale for c in order]
    spreads = [[v * first.scale for v in samples.spread(c, first.key)] for c in order]
    # A median of few rounds need not lie between their percentiles.
    errors = [
        [max(0, m - low) for m, (low, _) in zip(medians, spreads)],
        [max(0, high - m) for m, (_, high) in zip(medians, spreads)],
    ]
    figure, axes = pyplot.subplots(figsize=(7.5, 0.8 + 0.28 * len(order)))
    colours = [COLOURS[workload.kind(c)] for c in order]
    axes.barh(order, medians, xerr=errors, color=colours, ecolor="#444444", capsize=2)
    if min(medians) > 0 and max(medians) > 20 * min(medians):
        axes.set_xscale("log")
    axes.bar_label(axes.containers[-1], [f" {m:,.{first.digits}f}" for m in medians], padding=3)
    axes.margins(x=0.15)
    axes.set_xlabel(f"{first.unit}; lower is better; bars: medians, lines: p10 to p90")
    axes.set_title(workload.what, fontsize=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(folder, results, rows, rounds, quick):
    """`results`: (workload, samples). Yields the path of the report."""
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        if old.endswith(".svg"):
            os.remove(os.path.join(folder, old))
    counts, _ = summary(rows)
    when = datetime.datetime.now().isoformat(" ", "minutes")
    commit = said_by("git", "-c", f"safe.directory={ROOT}", "describe", "--always", "--dirty")
    out = [
        "# Benchmarks",
        f"{when}; weft {commit or 'of no commit'}; {cpu_model()}, {os.cpu_count()} CPUs, Linux {platform.release()}; "
        f"{rounds} round{'s' * (rounds > 1)} at most.",
        "How each workload is fair is said in `bench/README.md`. Lower is better everywhere. A ratio is the median of the "
        "ratios within a round. `disturbed`: others used more than "
        f"{DISTURBED:.0%} of the machine in most rounds, so there is no verdict.",
    ]
    if quick:
        out.append("**--quick: a check that everything runs. The sizes are small, and no goal is judged.**")
    out += [f"## Goals: {counts}", rows_table(rows)]
    for workload, samples in results:
        out.append(f"## {workload.name}")
        out.append(workload.what[0].upper() + workload.what[1:] + ".")
        if samples.all:
            out.append(figures_table(workload, samples))
            plot(workload, samples, os.path.join(folder, f"{workload.name}.svg"))
            out.append(f"![{workload.what}]({workload.name}.svg)")
        else:
            out += [f"`error` {c}: {why}" for c, why in samples.errors.items()]
    out.append("## Versions")
    out.append(table(["package", "version"], [(p, version_of(p)) for p in PACKAGES]))
    path = os.path.join(folder, "report.md")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n\n".join(out) + "\n")
    return path
