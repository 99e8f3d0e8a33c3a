"""The agent beside a bare loop over libvirt's statistics."""
import time

from process import median, resident, sleeps, usage, wakeups
from table import Row
from terminal import Terminal

FIRST_TURNS = 2  # of the bare loop, which it does not count
START_IS_OVER = 30  # seconds after which the agent, or its guests, are at rest


def together(place, pid, what, seconds):
    """Processor seconds a second of the agent and of the bare loop, in the same seconds."""
    with place.start(place.node_program('bench/bare_stats'), what, str(seconds)) as loop:
        time.sleep(FIRST_TURNS)
        ours = usage(pid, seconds)
        return ours, float(loop.stdout.read().split()[1]) / seconds


def compare(place, pid, seconds, rounds):
    """Medians of processor seconds a second: the agent, the loop with the agent's
    statistics, the loop with all of them. The loops take turns, for libvirt's daemon
    answers only so many at once."""
    figures = {'ours': [], 'agent': [], 'all': []}
    for _ in range(rounds):
        for what in ('agent', 'all'):
            ours, theirs = together(place, pid, what, seconds)
            figures['ours'].append(ours)
            figures[what].append(theirs)
    return {name: median(values) for name, values in figures.items()}


def agent(place):
    """The agent with real domains"""
    pid = place.agent()
    time.sleep(START_IS_OVER)
    rounds = 5
    none = compare(place, pid, max(place.seconds // rounds, 5), rounds)
    place.define(place.domains, 'paused', start=True)
    time.sleep(START_IS_OVER)  # links and addresses of new guests are looked for, too
    some = compare(place, pid, max(place.seconds // rounds, 5), rounds)
    count = place.domains
    loops = {'agent': 'bare loop, same statistics', 'all': 'bare loop, all statistics'}
    rows = []
    for what, name in loops.items():
        rows.append(Row(f'processor, for each of {count} guests', 'us/s',
                        (some['ours'] - none['ours']) / count * 1e6, None, name,
                        (some[what] - none[what]) / count * 1e6, 1.3,
                        note='growth from 0 guests'))
    for what, name in loops.items():
        rows.append(Row(f'processor, whole agent with {count} guests', 'us/s', some['ours'] * 1e6,
                        None, name, some[what] * 1e6,
                        note=f'without guests {none["ours"] * 1e6:.0f}, '
                             f'loop {none[what] * 1e6:.0f}'))
    rows.append(Row('agent, resident memory', 'MiB', resident(pid) / 2**20, 20))
    rows.append(Row('agent, wake-ups nobody watches', '1/s', wakeups(pid, place.seconds), None,
                    note=threads(pid)))
    with Terminal([place.lab_program, 'ws', place.gantry, 'node1']) as terminal:
        terminal.wait_for(rb'node1', 20)
        terminal.write(b'2')
        terminal.drain(5)
        rows.append(Row('agent, resident memory, watched', 'MiB', resident(pid) / 2**20, 20))
    return rows


def threads(pid, seconds=10):
    """What woke up how often, for the note."""
    before = sleeps(pid)
    time.sleep(seconds)
    counts = {}
    for task, count in sleeps(pid).items():
        try:
            with open(f'/proc/{pid}/task/{task}/comm', encoding='ascii') as file:
                name = file.read().strip()
        except OSError:
            continue
        counts[name] = counts.get(name, 0) + (count - before.get(task, 0)) / seconds
    return ', '.join(f'{name} {rate:.1f}' for name, rate in counts.items() if rate >= 0.1)


GROUPS = {'agent': agent}
