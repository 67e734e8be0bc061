"""The machine: who else uses it, and where programs run."""

import os
import resource
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# More than this share of the CPUs used by others marks a sample as disturbed.
DISTURBED = 0.15


def machine_seconds():
    """CPU seconds of everybody since boot, and those that the hypervisor gave to others."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq + steal) / tick


def children_seconds():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def process_seconds(pid):
    """CPU time of a process, by its clock."""
    return time.clock_gettime((~pid << 3) | 2)


class Watch:
    """How much of the CPUs others used meanwhile; `servers` are ours, too, and run on."""

    def __init__(self, servers=()):
        self.servers = servers

    def own(self):
        return children_seconds() + time.process_time() + sum(process_seconds(s.pid) for s in self.servers)

    def __enter__(self):
        self.began = time.monotonic(), machine_seconds(), self.own()
        return self

    def __exit__(self, *_):
        wall, machine, own = self.began
        elapsed = max(time.monotonic() - wall, 1e-3)
        others = machine_seconds() - machine - (self.own() - own)
        # The kernel counts whole ticks: what is less than two of them is nothing.
        self.others = max(0.0, others - 0.02) / (os.cpu_count() * elapsed)


class Patience:
    """Waits for quiet before a sample; less and less long where it never comes, so that a busy machine takes no hours."""

    def __init__(self, most=2.0):
        self.most = self.now = most

    def wait(self):
        end = time.monotonic() + self.now
        while time.monotonic() < end:
            with Watch() as w:
                time.sleep(0.1)
            if w.others < 0.05:
                self.now = self.most
                return
        self.now = max(self.now / 2, min(0.1, self.most))


patience = Patience()


def cores():
    """A core for servers and benchmarks, and another for clients."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1] if len(usable) > 1 else usable[0]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


def raise_descriptor_limit():
    """As many descriptors as the system lets us have; what we start inherits it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
