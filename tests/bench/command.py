"""The command line beside virsh."""
import json
import subprocess

from process import median
from table import Row

LISTED = 1000
DOMAIN = 'started0001'
COLUMNS = ['id', 'name', 'node', 'state', 'cpu', 'vcpus', 'mem_used', 'mem_max', 'started',
           'addresses', 'tags']  # what `guest ls` asks for


def alternate(place, ours, theirs, after=None, rounds=None):
    """Seconds of each round of `gantry ARGUMENTS` and `virsh ARGUMENTS`."""
    steps = [{'name': 'ours', 'run': ['/opt/gantry/build/tui/gantry', *ours]},
             {'name': 'theirs', 'run': ['virsh', '-q', *theirs]}]
    times = json.loads(place.node(
        'python3', '/opt/gantry/src/tests/bench/alternate.py', str(rounds or place.rounds),
        input=json.dumps({'steps': steps, 'after': after and ['virsh', '-q', *after]})))
    return times['ours'], times['theirs']


def difference_row(what, peer, times):
    """Medians; their difference is that of the pairs, for a machine's load changes."""
    ours, theirs = times
    extra = [(a - b) * 1000 for a, b in zip(ours, theirs)]
    return Row(what, 'ms', median(ours) * 1000, None, peer, median(theirs) * 1000, difference=30,
               note=f'{len(ours)} pairs: ours is {median(extra):.0f} more; least '
                    f'{min(ours) * 1000:.0f} and {min(theirs) * 1000:.0f}')


def start(place):
    """Starting a guest"""
    place.define(1, 'started')
    rows = [difference_row('guest start', 'virsh start', alternate(
        place, ['guest', 'start', DOMAIN], ['start', DOMAIN], ['destroy', DOMAIN],
        place.rounds * 2))]
    # The same way without the start of QEMU, whose time varies by more than the limit.
    place.node('virsh', '-q', 'start', DOMAIN)
    rows.append(difference_row('guest pause', 'virsh suspend', alternate(
        place, ['guest', 'pause', DOMAIN], ['suspend', DOMAIN], ['resume', DOMAIN],
        place.rounds * 2)))
    return rows


def ask(place, method, count, params=None):
    """Milliseconds from a request to its answer, parsed, in one session: median and least."""
    with subprocess.Popen([place.lab_program, 'run', 'node1',
                           place.node_program('e2e/link-probe'), 'local'], text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as probe:
        for line in probe.stdout:
            if line == 'connected\n':
                probe.stdin.write(f'{method} {count} {json.dumps(params or {})}\n')
                probe.stdin.flush()
            elif line.startswith(method):
                probe.stdin.close()
                return [int(word) / 1000 for word in line.split()[1:]]
    raise RuntimeError(f'{method}: no answer')


def listing(place):
    """Listing guests"""
    place.define(LISTED, 'listed')
    some, whole = (ask(place, 'guest.list', place.rounds * 4, params)
                     for params in ({'fields': COLUMNS}, None))
    ours, theirs = (median(times) * 1000 for times in
                    alternate(place, ['guest', 'ls'], ['list', '--all']))
    return [
        Row(f'guest ls of {LISTED} guests, open session', 'ms', some[0], 5,
            note='request sent to answer parsed'),
        Row('  the same, least of all', 'ms', some[1], 5,
            note='what it takes on a machine that is free'),
        Row('  the same with all fields (-o json)', 'ms', whole[0], note=f'least {whole[1]:.1f}'),
        Row(f'guest ls of {LISTED} guests, whole command', 'ms', ours, None, 'virsh list --all',
            theirs),
    ]


GROUPS = {'start': start, 'list': listing}
