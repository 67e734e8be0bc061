"""How the checks of the tree report: a line a rule, its complaints below it, and the counts at the end."""


def report(rules, complaints_of):
    """`complaints_of(rule)` yields (path, line, what is wrong). True: there are none."""
    failed = 0
    for rule in rules:
        complaints = [f"{path}:{line}: {rule.__name__}: {what}" for path, line, what in complaints_of(rule)]
        print(f"  {'FAIL' if complaints else 'ok  '}  {rule.__name__}: {rule.__doc__}")
        for complaint in complaints:
            print(f"        {complaint}")
        failed += bool(complaints)
    print(f"{len(rules) - failed} passed, {failed} failed")
    return failed == 0
