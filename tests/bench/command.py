"""The command line beside virsh."""
import json
import subprocess

from process import median
from table import Row

LISTED = 1000
DOMAIN = 'started0001'


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


def ask(place, method, count):
    """Median milliseconds from a request to its answer, parsed, in one session."""
    with subprocess.Popen([place.lab_program, 'run', 'node1',
                           place.node_program('e2e/link-probe'), 'local'], text=True,
                          env=place.environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as probe:
        for line in probe.stdout:
            if line == 'connected\n':
                probe.stdin.write(f'{method} {count}\n')
                probe.stdin.flush()
            elif line.startswith(method):
                probe.stdin.close()
                return int(line.split()[1]) / 1000
    raise RuntimeError(f'{method}: no answer')


def listing(place):
    """Listing guests"""
    place.define(LISTED, 'listed')
    answer = ask(place, 'guest.list', place.rounds * 2)
    steps = [{'name': 'gantry', 'run': ['/opt/gantry/build/tui/gantry', 'guest', 'ls']},
             {'name': 'virsh', 'run': ['virsh', '-q', 'list', '--all']}]
    times = json.loads(place.node(
        'python3', '/opt/gantry/src/tests/bench/alternate.py', str(place.rounds),
        input=json.dumps({'steps': steps, 'after': None})))
    ours, theirs = (median(times[name]) * 1000 for name in ('gantry', 'virsh'))
    return [
        Row(f'guest.list of {LISTED} guests, open session', 'ms', answer, 5,
            note='request sent to answer parsed'),
        Row(f'guest ls of {LISTED} guests, whole command', 'ms', ours, None, 'virsh list --all',
            theirs),
    ]


GROUPS = {'start': start, 'list': listing}
