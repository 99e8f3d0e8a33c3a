"""The command line beside virsh."""
import json
import subprocess

from process import median
from table import Row

LISTED = 1000
DOMAIN = 'started0001'
COLUMNS = ['id', 'name', 'node', 'state', 'cpu', 'vcpus', 'mem_used', 'mem_max', 'started',
           'addresses', 'tags']  # what `guest ls` asks for


def start(place):
    """Starting a guest"""
    place.define(1, 'started')
    steps = [{'name': 'gantry', 'run': ['/opt/gantry/build/tui/gantry', 'guest', 'start', DOMAIN]},
             {'name': 'virsh', 'run': ['virsh', '-q', 'start', DOMAIN]}]
    times = json.loads(place.node(
        'python3', '/opt/gantry/src/tests/bench/alternate.py', str(place.rounds),
        input=json.dumps({'steps': steps, 'after': ['virsh', '-q', 'destroy', DOMAIN]})))
    ours, theirs = (median(times[name]) * 1000 for name in ('gantry', 'virsh'))
    return [Row('guest start', 'ms', ours, None, 'virsh start', theirs, difference=30,
                note=f'least {min(times["gantry"]) * 1000:.0f} and '
                     f'{min(times["virsh"]) * 1000:.0f}')]


def ask(place, method, count, params=None):
    """Milliseconds from a request to its answer, parsed, in one session: median and least."""
    with subprocess.Popen([place.lab_program, 'run', 'node1',
                           place.node_program('e2e/link-probe'), 'local'], text=True,
                          env=place.environment, stdin=subprocess.PIPE,
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
    steps = [{'name': 'gantry', 'run': ['/opt/gantry/build/tui/gantry', 'guest', 'ls']},
             {'name': 'virsh', 'run': ['virsh', '-q', 'list', '--all']}]
    times = json.loads(place.node(
        'python3', '/opt/gantry/src/tests/bench/alternate.py', str(place.rounds),
        input=json.dumps({'steps': steps, 'after': None})))
    ours, theirs = (median(times[name]) * 1000 for name in ('gantry', 'virsh'))
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
