"""What the kernel says of a process, and statistics of measurements."""
import math
import os
import statistics
import time


def cpu_seconds(pid):
    """Its processor time so far, of all its threads, in nanoseconds' precision:
    clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


AUTOGROUP = '/proc/self/autogroup'


def session_nice(value):
    """Where the kernel shares the processors out by session (sched_autogroup_enabled), nice
    counts only among the processes of one: gives ours that niceness, too. Returns what it
    was, or None when there are no such groups."""
    try:
        with open(AUTOGROUP, 'r+', encoding='ascii') as file:
            before = int(file.read().split()[-1])
            file.write(str(value))
            return before
    except (OSError, ValueError, IndexError):
        return None


def status(pid, field):
    """A number of /proc/PID/status."""
    with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as file:
        for line in file:
            name, _, value = line.partition(':')
            if name == field:
                return int(value.split()[0])
    raise KeyError(field)


def resident(pid):
    return status(pid, 'VmRSS') * 1024


def sleeps(pid):
    """How often each of its threads went to sleep, and so was woken, so far."""
    counts = {}
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            counts[task] = status(f'{pid}/task/{task}', 'voluntary_ctxt_switches')
        except OSError:  # it ended meanwhile
            pass
    return counts


def wakeups(pid, seconds):
    """Times a second that any of its threads was woken, over so many seconds."""
    before, begin = sleeps(pid), time.monotonic()
    time.sleep(seconds)
    after, end = sleeps(pid), time.monotonic()
    return sum(count - before.get(task, 0) for task, count in after.items()) / (end - begin)


def usage(pid, seconds):
    """Processor seconds a second."""
    before, begin = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - begin)


def median(values):
    return statistics.median(values)


def percentile(values, share):
    values = sorted(values)
    return values[min(math.ceil(len(values) * share), len(values)) - 1]
