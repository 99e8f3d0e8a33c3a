"""One console over the nodes of a cluster: beside one node with as many guests, and how soon a
node's loss is seen."""
import os
import re
import select
import subprocess
import time

from console import GUEST, KEYS, press
from place import LAB
from process import median, percentile, resident
from replicated import Cluster
from table import Row
from terminal import ESCAPES, Terminal

NODES, GUESTS = 32, 5000
LOSSES = 5     # nodes that are killed, one after the other
LOST = 60      # seconds until corosync knows, at most
LIMIT = 500    # ms from then to the screen


def one_console(place, nodes):
    """Until all is printed, the keys of the guest table, memory."""
    options = ['--nodes', str(nodes), '--guests', str(GUESTS), '--share', '10', '--cluster']
    generator, targets = place.loadgen(*options)
    with generator:
        whole = []
        for _ in range(max(place.rounds // 3, 3)):
            begun = time.monotonic()
            subprocess.run([place.gantry, '--plain', *targets], check=True, stdout=subprocess.DEVNULL)
            whole.append(time.monotonic() - begun)
        with Terminal([place.gantry, *targets], rows=60, columns=200) as terminal:
            terminal.wait_for(GUEST, 20)
            terminal.drain(2)
            terminal.write(b'2')
            terminal.drain(3)
            keys = [press(terminal, key) for _ in range(2) for each in KEYS.values() for key in each]
            memory = resident(terminal.process.pid)
    taken = [each for each in keys if each]
    return (median(whole) * 1000, percentile([each[0] for each in taken], .99) * 1000,
            percentile([each[1] for each in taken], .99) * 1000, memory / 2**20)


def many_nodes(place):
    """32 nodes beside one"""
    many, one = one_console(place, NODES), one_console(place, 1)
    peer = f'one node with {GUESTS:,}'
    names = (('--plain, from start to the end', 'ms'), ('99 of 100 keys within', 'ms'),
             ('  processor time', 'ms'), ('resident memory', 'MiB'))
    return [Row(f'{NODES} nodes, {GUESTS:,} guests: {name}', unit, ours, None, peer, theirs)
            for (name, unit), ours, theirs in zip(names, many, one)]


def wait_for_three(cluster):
    end = time.monotonic() + LOST
    while not re.search(r'Nodes: +3\b', cluster.lab('run', 'node1', 'corosync-quorumtool', '-s')):
        if time.monotonic() > end:
            raise RuntimeError('the node did not come back')
        time.sleep(0.2)


def wait_for_both(tool, terminal):
    """When corosync's own tool told that two are left, and when the screen showed it."""
    known = shown = None
    text, end = '', time.monotonic() + LOST
    while (known is None or shown is None) and time.monotonic() < end:
        ready, _, _ = select.select([tool.stdout, terminal.master], [], [], 1)
        if tool.stdout in ready:
            text += os.read(tool.stdout.fileno(), 1 << 16).decode(errors='replace')
            if known is None and re.search(r'Nodes: +2\b', text):
                known = time.monotonic()
        if terminal.master in ready and terminal.read(0):
            if shown is None and re.search(rb'is not seen|was lost', ESCAPES.sub(b'', terminal.chunks[-1][1])):
                shown = terminal.chunks[-1][0]
    if known is None or shown is None:
        raise RuntimeError(f'the loss was {"not shown" if known else "not known to corosync"}')
    return known, shown


def loss(place):
    """From corosync's knowledge of a loss to the screen"""
    taken = []
    with Cluster(place, 3) as cluster:
        os.environ['LAB'] = cluster.environment['LAB']
        with Terminal([LAB, 'ws', place.gantry, 'node1'], rows=60, columns=200) as terminal:
            terminal.wait_for(rb'quorate 3/3', LOST)
            for _ in range(LOSSES):
                terminal.drain(2)
                tool = subprocess.Popen([LAB, 'run', 'node1', 'stdbuf', '-oL', 'corosync-quorumtool', '-m'],
                                        stdout=subprocess.PIPE, env=cluster.environment)
                # Not waited for: both sides are listened to before the fault is there.
                fault = subprocess.Popen([LAB, 'fault', 'kill', 'node3', 'corosync'],
                                         env=cluster.environment)
                known, shown = wait_for_both(tool, terminal)
                fault.wait()
                tool.kill()
                tool.wait()
                taken.append((shown - known) * 1000)
                cluster.lab('fault', 'start', 'node3', 'corosync')
                wait_for_three(cluster)
    return [Row('a lost node, from corosync to the screen', 'ms', median(taken), LIMIT,
                note=f'{LOSSES} times, the slowest {max(taken):.0f}; before corosync-quorumtool '
                     'where it is below 0')]


GROUPS = {'nodes': many_nodes, 'loss': loss}
