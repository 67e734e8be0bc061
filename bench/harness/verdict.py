"""Rows of a workload: each goal judged by the samples."""

from harness.rows import Row


def figure(samples, contender, metric):
    if contender is None or not samples.has(contender, metric.key):
        return "-"
    return metric.text(samples.median(contender, metric.key))


def judged(workload, goal, samples, quick):
    metric = goal.metric or workload.metrics[0]
    name = workload.name + (f"-{goal.suffix}" if goal.suffix else "")
    best = workload.best_peer(samples, metric)
    to = best if goal.to == "best peer" else goal.to
    row = Row(name, workload.what, goal=None if quick else goal.limit)
    row.columns = {
        "weft": figure(samples, goal.of, metric),
        "best peer": f"{best} {figure(samples, best, metric)}" if best else "-",
        "floor": figure(samples, workload.floors[0] if workload.floors else None, metric),
        "goal": goal.text(metric),
    }
    missing = [c for c in (goal.of, to) if c is None or not samples.has(c, metric.key)]
    if goal.of in missing:
        row.error = samples.errors.get(goal.of, "not measured")
    elif goal.to is not None and missing:
        row.error = f"nothing to compare with: {samples.errors.get(to, 'no peer could be measured')}"
    if row.error:
        return row
    compared = [goal.of]
    if goal.to is None:
        row.value, row.unit = samples.median(goal.of, metric.key) * metric.scale, metric.unit
    else:
        ratios = samples.ratios(goal.of, to, metric.key)
        of_ratios = Row(name, workload.what, goal=row.goal, unit=f"x {to}", ratios=ratios)
        of_ratios.columns = {**row.columns, "goal": f"{goal.text(metric)}: {of_ratios.value:.2f}"}
        row = of_ratios
        compared.append(to)
    # What others did meanwhile changes times, and neither memory nor counts.
    row.disturbed = not workload.exact and samples.disturbed(*compared)
    return row


def rows_of(workload, samples, quick):
    """A row a goal, and one for each contender that could not be measured."""
    rows = [judged(workload, goal, samples, quick) for goal in workload.goals]
    said = {row.error for row in rows}
    for contender, why in samples.errors.items():
        if why not in said:
            rows.append(Row(f"{workload.name}: {contender}", workload.what, error=why))
    rows[0].samples = samples
    return rows
